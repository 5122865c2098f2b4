package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// closed is a schema that takes no key that it does not have.
func closed(schema any) any {
	switch x := schema.(type) {
	case map[string]any:
		for k, v := range x {
			x[k] = closed(v)
		}
		if _, object := x["properties"]; object {
			x["additionalProperties"] = false
		}
	case []any:
		for i := range x {
			x[i] = closed(x[i])
		}
	}
	return schema
}

func compiledPlanSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(planSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("plan.schema.json", closed(doc)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every plan of the goldens is valid by the schema, with no key that it does not have.
func TestPlansAreValid(t *testing.T) {
	t.Parallel()
	s := compiledPlanSchema(t)
	paths, err := filepath.Glob("testdata/golden/plan*.json")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d goldens, %v", len(paths), err)
	}
	for _, path := range append(paths, "testdata/golden/apply.json") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if outcome, is := doc.(map[string]any)["plan"]; is {
			doc = outcome
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if s.Validate(map[string]any{"format_version": "1.4"}) == nil {
		t.Error("the schema takes anything")
	}
}

// The schema has every key that a plan can have, required where it is always there,
// and no other.
func TestPlanSchemaHasEveryKey(t *testing.T) {
	t.Parallel()
	type object struct {
		Required   []string
		Properties map[string]any
	}
	var doc struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(planSchema, &doc); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"": plansJSON{}, "desired": desiredJSON{}, "speaker": speakerPlanJSON{}, "base": baseJSON{}, "neighbor": peerJSON{}, "change": changeJSON{},
		"left": leftJSON{}, "foreign": foreignJSON{}, "ghost": ghostJSON{}, "drift": driftJSON{}, "overlap": overlapJSON{}, "contest": contestJSON{},
		"case": caseJSON{}, "timed": timedJSON{}, "summary": summaryJSON{}, "position": positionJSON{}, "in_force": inForceJSON{}, "saved": savedJSON{},
		"last_set": lastSetJSON{}, "impact": impactJSON{}, "space": spaceJSON{}, "guards": guardsJSON{}, "finding": findingJSON{}, "route": routeJSON{},
	} {
		var always, all []string
		of := reflect.TypeOf(value)
		for i := range of.NumField() {
			key, omitted, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			all = append(all, key)
			if omitted == "" {
				always = append(always, key)
			}
		}
		got := doc.object
		if name != "" {
			got = doc.Defs[name]
		}
		slices.Sort(all)
		slices.Sort(always)
		if diff := cmp.Diff(all, slices.Sorted(maps.Keys(got.Properties))); diff != "" {
			t.Errorf("%s: keys (-program +schema):\n%s", name, diff)
		}
		if diff := cmp.Diff(always, slices.Sorted(slices.Values(got.Required))); diff != "" {
			t.Errorf("%s: what is always there (-program +schema):\n%s", name, diff)
		}
	}
}
