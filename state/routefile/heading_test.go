package routefile

import (
	"slices"
	"testing"
)

func TestHeading(t *testing.T) {
	t.Parallel()
	const top = "version: 1\nowner: team\nspeakers: [a, b]\n"
	for name, test := range map[string]struct {
		text     string
		owner    string
		speakers []string
	}{
		"a good file":            {top + "routes: []\n", "team", []string{"a", "b"}},
		"a fault behind it":      {top + "routes:\n- prefix: 10.0.0.0\n", "team", []string{"a", "b"}},
		"cut behind it":          {top + "routes:\n- {prefix: 10.0.", "team", []string{"a", "b"}},
		"speakers line by line":  {"speakers:\n- a\n  # c\n- b\nowner: team # us\nroutes: [\n", "team", []string{"a", "b"}},
		"nothing":                {"", "", nil},
		"cut in it":              {"version: 1\nowner: team\nspeakers: [a]", "", nil},
		"cut before it":          {"version: 1\nowner: te", "", nil},
		"no speakers":            {"owner: team\nroutes: []\n", "", nil},
		"a name that can't be":   {"owner: a b\nspeakers: [a]\n", "", nil},
		"an owner that is taken": {"owner: console\nspeakers: [a]\n", "", nil},
		"no mapping":             {"- owner: a\n", "", nil},
		"twice":                  {top + "owner: other\n", "", nil},
	} {
		owner, speakers := Heading("f", []byte(test.text))
		if owner != test.owner || !slices.Equal(speakers, test.speakers) {
			t.Errorf("%s: %q of %v", name, owner, speakers)
		}
	}
}
