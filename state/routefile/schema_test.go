package routefile

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("routes.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("routes.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is a node as an editor with YAML 1.2's core schema sees it.
func asJSON(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = asJSON(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, asJSON(item))
		}
		return list
	}
	integer := regexp.MustCompile(`^[-+]?[0-9]+$|^0x[0-9a-fA-F]+$|^0o[0-7]+$`)
	float := regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	switch v := n.Value; {
	case n.Style&^yaml.FlowStyle != 0:
		return v
	case isNull(n):
		return nil
	case slices.Contains([]string{"true", "True", "TRUE"}, v):
		return true
	case slices.Contains([]string{"false", "False", "FALSE"}, v):
		return false
	case integer.MatchString(v):
		base := 10
		if strings.HasPrefix(v, "0x") || strings.HasPrefix(v, "0o") {
			base = 0
		}
		i, _ := new(big.Int).SetString(v, base)
		return json.Number(i.String())
	case float.MatchString(v):
		f, _, _ := big.ParseFloat(v, 10, 200, big.ToNearestEven)
		return json.Number(f.Text('g', -1))
	}
	return n.Value
}

// checkSchema is what the schema says of a file, and false if that is no YAML.
func checkSchema(s *jsonschema.Schema, name string, data []byte) (error, bool) {
	root, fault := newSource(name, data).document()
	if fault != nil {
		return fault, false
	}
	return s.Validate(asJSON(root)), true
}

func TestSchemaTakesWhatIsValid(t *testing.T) {
	s := compiled(t)
	for _, path := range files(t, "valid", 60) {
		first, all := opened(t, path)
		names := append(slices.Collect(maps.Keys(study(first, all[first], all).includes)), first)
		for _, name := range names {
			if err, _ := checkSchema(s, name, all[name]); err != nil {
				t.Errorf("%s: %s:\n%v", filepath.Base(path), name, err)
			}
		}
	}
}

func TestSchemaTakesAnySet(t *testing.T) {
	s := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		d := genDesired(t)
		data := write(d, inOrder(len(d.Routes)))
		for _, text := range [][]byte{data, mustFormat(t, "r", tree{"r": data})} {
			if err, _ := checkSchema(s, "r", text); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
		}
	})
}

// beyond are the invalid files that the schema takes, by why it does.
func beyond() map[string][]string {
	return map[string][]string{
		"an editor's YAML parser reports it, or takes it, before the schema is asked": {
			"anchor.yaml", "carriage_return_alone.yaml", "cut_in_a_line.yaml", "med_duplicate_key.yaml", "tag.yaml", "version_twice.yaml",
		},
		"to YAML it is the number, or the null, of another spelling": {
			"attribute_odd_digits.yaml", "defaults_null_value.yaml", "med_float.yaml", "med_leading_zero.yaml", "med_no_value.yaml",
			"vpls_offset_leading_zero.yaml",
		},
		"it takes arithmetic": {
			"as_path_too_long.yaml", "attributes_too_long.yaml", "expires_at_start.yaml", "expires_before_starts.yaml", "expires_year_over.yaml",
			"extended_community_over.yaml", "flow_destination_host_bits.yaml", "flow_ipv6_offset.yaml", "flow_rate_not_exact.yaml",
			"flow_too_long.yaml", "group_route_bad.yaml", "include_bad_prefix.txtar", "label_too_many_bits.yaml", "lease_fraction.yaml",
			"lease_too_long.yaml", "lease_too_short.yaml", "prefix_host_bits.yaml", "vpls_block_over.yaml",
		},
		"it depends on what stands elsewhere in the file": {
			"as_set_not_last.yaml", "flow_families_mixed.yaml", "flow_next_hop_missing.yaml", "flow_next_hop_unused.yaml",
			"flow_redirect_wrong_family.yaml", "flow_two_next_hops.yaml", "flow_two_rates.yaml", "group_default_both_sids.yaml",
			"group_default_removes_nothing.yaml", "group_next_hop_removed.yaml", "group_next_hop_wrong_family.yaml", "label_zero_not_last.yaml",
			"med_null_no_default.yaml", "next_hop_default_wrong_family.yaml", "next_hop_missing.yaml", "next_hop_wrong_family.yaml",
			"prefixes_mixed_families.yaml", "vpn_next_hop_wrong_family.yaml",
		},
		"something is there twice, and not in one list of one spelling": {
			"flow_twice.yaml", "group_route_twice.yaml", "group_twice.yaml", "path_information_zero_is_none.yaml", "peers_as_twice.yaml",
			"peers_overlap_all.yaml", "peers_overlap_as.yaml", "peers_overlap_tag.yaml", "peers_twice.yaml",
			"same_prefix_for_every_peer_after_one.yaml", "same_prefix_for_one_peer_twice.yaml", "same_prefix_twice.yaml", "vpls_twice.yaml",
			"vpn_twice.yaml",
		},
		"it is in another file, or about one": {
			"include_cycle.txtar", "include_default_wrong_family.txtar", "include_glob_of_itself.txtar", "include_itself.txtar",
			"include_missing.txtar", "include_missing_deeper.txtar", "include_no_match.txtar", "include_pattern_bad.txtar", "include_removes_no_default.txtar",
			"include_route_twice.txtar", "include_twice.txtar", "include_twice_in_one_list.txtar", "include_without_files.yaml",
			"list_*.txtar", "list_without_files.yaml",
		},
	}
}

func TestSchemaRefusesWhatItCan(t *testing.T) {
	s := compiled(t)
	var patterns []string
	for _, names := range beyond() {
		patterns = append(patterns, names...)
	}
	paths, used := files(t, "invalid", 150), map[string]bool{}
	taken := 0
	for _, path := range paths {
		base := filepath.Base(path)
		_, all := opened(t, path)
		refused := false
		for name, data := range all {
			if strings.HasSuffix(name, ".yaml") {
				err, _ := checkSchema(s, name, data)
				refused = refused || err != nil
			}
		}
		i := slices.IndexFunc(patterns, func(p string) bool { ok, _ := filepath.Match(p, base); return ok })
		if i >= 0 {
			used[patterns[i]] = true
		}
		switch {
		case !refused && i < 0:
			t.Errorf("%s is taken", base)
		case refused && i >= 0 && !strings.Contains(patterns[i], "*"):
			t.Errorf("%s is refused; take it off the list", base)
		case !refused:
			taken++
		}
	}
	for _, p := range patterns {
		if !used[p] {
			t.Errorf("%s is there no more; take it off the list", p)
		}
	}
	t.Logf("of %d invalid files the schema takes %d", len(paths), taken)
}

// The schema has every key that the parser has, and no other.
func TestSchemaHasEveryKey(t *testing.T) {
	var doc struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"route": atRoute.keys(), "flow": atFlow.keys(), "vpls-route": atVPLS.keys(), "group": atGroup.keys(), "guard": atGuard.keys(), "actions": atThen.keys(),
		"match": append(atMatch.keys(), "destination-ipv4", "destination-ipv6", "source-ipv4", "source-ipv6"),
	} {
		got := slices.Collect(maps.Keys(doc.Defs[name].Properties))
		if name == "vpls-route" {
			got = append(got, "label") // which it has none
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
			t.Errorf("%s (-parser +schema):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(fileKeys())), slices.Sorted(maps.Keys(doc.Properties))); diff != "" {
		t.Errorf("the file (-parser +schema):\n%s", diff)
	}
}
