package rpki

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// The shapes are those of rpki-client's output-json.c and routinator's output.rs.
const (
	ofRPKIClient = `{
	"metadata": {
		"buildmachine": "noc1.example",
		"buildtime": "2026-11-26T10:00:00Z",
		"elapsedtime": 133,
		"ccr_vrps_hash": "x",
		"talfiles": [
			"apnic",
			"ripe"
		],
		"vrps": 3
	},

	"roas": [
		{ "asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe", "expires": 1795687200 },
		{ "asn": 0, "prefix": "198.51.100.0/22", "maxLength": 32, "ta": "ripe", "expires": 1795687200 },
		{ "asn": 4200000000, "prefix": "2001:db8::/32", "maxLength": 48, "ta": "apnic", "expires": 1795687200 }
	],

	"bgpsec_keys": [
		{ "asn": 15562, "ski": "5D", "pubkey": "MF", "ta": "ripe", "expires": 1 }
	],
	"aspas": [
		{ "customer_asid": 945, "expires": 1, "providers": [ 1299, 6939 ] }
	]
}
`
	ofOldRPKIClient = "{\n\t\"metadata\": {\n\t\t\"buildmachine\": \"a\",\n\t\t\"buildtime\": \"2026-11-26T10:00:00Z\",\n\t\t\"elapsedtime\": \"133\"\n\t},\n\n\t\"roas\": [\n" +
		"\t\t{ \"asn\": \"AS64496\", \"prefix\": \"192.0.2.0/24\", \"maxLength\": 24, \"ta\": \"ripe\" }\n\t]\n}\n"
	ofRoutinator = `{
  "metadata": {
    "generated": 1795687200,
    "generatedTime": "2026-11-26T10:00:00Z"
  },
  "roas": [
    { "asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 26, "ta": "ripe" },
    { "asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 26, "ta": "N/A" }
  ],
  "routerKeys": [
    { "asn": "AS1234", "SKI": "00", "routerPublicKey": "AA", "ta": "N/A" }
  ]
}
`
	ofRoutinatorExtended = `{
  "metadata": { "generated": 1795687200, "generatedTime": "2026-11-26T10:00:00Z" },
  "roas": [
    { "asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 24, "source": [ { "type": "roa", "uri": "rsync://a/b.roa", "validity": { "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z" } }, { "type": "exception", "path": null }] }
  ]
}
`
)

var made = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct{ data, want string }{
		"rpki-client":          {ofRPKIClient, "[AS64496 192.0.2.0/24 AS0 198.51.100.0/22-32 AS4200000000 2001:db8::/32-48]"},
		"rpki-client of 2020":  {ofOldRPKIClient, "[AS64496 192.0.2.0/24]"},
		"routinator":           {ofRoutinator, "[AS64496 192.0.2.0/24-26 AS64496 192.0.2.0/24-26]"},
		"routinator's jsonext": {ofRoutinatorExtended, "[AS64496 192.0.2.0/24]"},
		"generated alone": {strings.Replace(ofRoutinator, `,
    "generatedTime": "2026-11-26T10:00:00Z"`, "", 1), "[AS64496 192.0.2.0/24-26 AS64496 192.0.2.0/24-26]"},
		"metadata at its end":    {`{"roas":[{"asn":1,"prefix":"192.0.2.0/24"}],"metadata":{"generated":1795687200}}`, "[AS1 192.0.2.0/24]"},
		"a number as its string": {`{"roas":[{"asn":"1","prefix":"192.0.2.0/24"}],"metadata":{"generated":1795687200}}`, "[AS1 192.0.2.0/24]"},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := Parse([]byte(tc.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(table.vrps); got != tc.want || !table.Made().Equal(made) || table.Len() != len(table.vrps) {
				t.Errorf("%s of %s, want %s of %s", got, table.Made(), tc.want, made)
			}
		})
	}
	table, err := Parse([]byte(ofRPKIClient))
	if err != nil || table.vrps[0].Expires != 1795687200 {
		t.Errorf("expires at %d, %v", table.vrps[0].Expires, err)
	}
}

// A file of which anything can't be read gives no table at all: one that is empty
// or lacks its end would make what is invalid look unknown.
func TestParseRefuses(t *testing.T) {
	whole := func(entry string) string {
		return `{"metadata":{"generated":1795687200},"roas":[{"asn":1,"prefix":"192.0.2.0/24","maxLength":24},` + entry + `]}`
	}
	for name, tc := range map[string]struct{ data, want string }{
		"nothing":               {"", "it ends too early"},
		"no object":             {"[]", `[ is not "{"`},
		"no JSON":               {"ASN,IP Prefix,Max Length,Trust Anchor\n", "invalid character"},
		"no roas":               {`{"metadata":{"generated":1}}`, `it has no "roas"`},
		"roas that are no list": {`{"roas":{}}`, `{ is not "["`},
		"no VRP":                {`{"metadata":{"generated":1795687200},"roas":[]}`, "no VRP at all"},
		"no time":               {`{"roas":[{"asn":1,"prefix":"192.0.2.0/24"}]}`, "does not say when it was made"},
		"metadata without one":  {`{"metadata":{"counts":1},"roas":[{"asn":1,"prefix":"192.0.2.0/24"}]}`, "does not say when it was made"},
		"a time that is none":   {`{"metadata":{"buildtime":"yesterday"},"roas":[{"asn":1,"prefix":"192.0.2.0/24"}]}`, "yesterday"},
		"cut":                   {ofRPKIClient[:len(ofRPKIClient)/2], "it ends too early"},
		"cut behind the list":   {ofRPKIClient[:strings.Index(ofRPKIClient, `"bgpsec_keys"`)], "it ends too early"},
		"more than one":         {ofRoutinator + ofRoutinator, "something behind its end"},
		"two lists":             {`{"roas":[],"roas":[]}`, `"roas" is there twice`},
		"no asn":                {whole(`{"prefix":"192.0.2.0/24"}`), "roas[1]: 192.0.2.0/24 has no asn"},
		"asn null":              {whole(`{"asn":null,"prefix":"192.0.2.0/24"}`), "roas[1]"},
		"a large asn":           {whole(`{"asn":4294967296,"prefix":"192.0.2.0/24"}`), "roas[1]: asn 4294967296 is not in 0..4294967295"},
		"a negative asn":        {whole(`{"asn":-1,"prefix":"192.0.2.0/24"}`), "roas[1]: asn -1"},
		"no prefix":             {whole(`{"asn":1}`), `roas[1]: prefix "" is none`},
		"host bits":             {whole(`{"asn":1,"prefix":"192.0.2.1/24"}`), "roas[1]: prefix 192.0.2.1/24 has host bits set"},
		"ipv4 in ipv6":          {whole(`{"asn":1,"prefix":"::ffff:192.0.2.0/120"}`), "roas[1]: prefix ::ffff:192.0.2.0/120 is ipv4 in ipv6"},
		"a short maxLength":     {whole(`{"asn":1,"prefix":"192.0.2.0/24","maxLength":23}`), "maxLength 23, which is not in 24..32"},
		"a long maxLength":      {whole(`{"asn":1,"prefix":"192.0.2.0/24","maxLength":33}`), "maxLength 33, which is not in 24..32"},
		"a negative end":        {whole(`{"asn":1,"prefix":"192.0.2.0/24","expires":-1}`), "expires at -1"},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := Parse([]byte(tc.data))
			if table != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want an error with %q", err, tc.want)
			}
		})
	}
}

// Every beginning of a file that is not the whole of it is refused.
func TestParseRefusesEveryBeginning(t *testing.T) {
	for _, whole := range []string{ofRPKIClient, ofRoutinator} {
		whole = strings.TrimSpace(whole)
		for n := range len(whole) {
			if table, err := Parse([]byte(whole[:n])); table != nil || err == nil {
				t.Fatalf("the first %d bytes were taken", n)
			}
		}
	}
}

func TestFileFault(t *testing.T) {
	good := Read("vrps.json", []byte(ofRoutinator), nil)
	for name, tc := range map[string]struct {
		file *File
		now  time.Time
		want string
	}{
		"fresh":             {good, made.Add(time.Hour), ""},
		"as old as may be":  {good, made.Add(24 * time.Hour), ""},
		"old":               {good, made.Add(26*time.Hour + 30*time.Minute), "VRPs of vrps.json: they are of 2026-11-26T10:00:00Z, and older than 24h0m0s"},
		"clocks apart":      {good, made.Add(-time.Minute), ""},
		"of a time to come": {good, made.Add(-time.Hour), "VRPs of vrps.json: they are of a time to come, 2026-11-26T10:00:00Z"},
		"not there":         {Read("vrps.json", nil, errors.New("no such file")), made, "VRPs of vrps.json: no such file"},
		"no JSON":           {Read("vrps.json", []byte("x"), nil), made, "VRPs of vrps.json: not a file of VRPs"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.file.Fault(tc.now, 24*time.Hour)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// Whatever is taken can be asked about, and is what encoding/json alone would have
// made of it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{ofRPKIClient, ofOldRPKIClient, ofRoutinator, ofRoutinatorExtended} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Parse(data)
		if (table == nil) != (err != nil) {
			t.Fatalf("%v, %v", table, err)
		}
		slow, slowErr := (&document{data: data, slow: true}).table()
		if fmt.Sprint(err) != fmt.Sprint(slowErr) || err == nil && !slices.Equal(table.vrps, slow.vrps) {
			t.Fatalf("%v and %v,\nthe slow way %v and %v", table, err, slow, slowErr)
		}
		if err != nil {
			return
		}
		for _, v := range table.vrps {
			state, about := table.Validate(v.Prefix, v.ASN, time.Unix(0, 0))
			switch {
			case v.ASN == 0 && state == Invalid, state == Valid:
			default:
				t.Fatalf("%s by its own VRP is %s", v, state)
			}
			if !slices.ContainsFunc(about, func(a VRP) bool { return a.Prefix.Bits() <= v.Prefix.Bits() && a.Prefix.Contains(v.Prefix.Addr()) }) {
				t.Fatalf("%s is judged by %v", v, about)
			}
		}
		table.Validate(netip.MustParsePrefix("0.0.0.0/0"), 1, time.Now())
	})
}
