package rpki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// VRP is a validated ROA payload: the AS may originate the prefix, and what is
// inside it up to a length (RFC 6811 §2).
type VRP struct {
	Prefix    netip.Prefix
	MaxLength uint8
	ASN       uint32 // 0 is no AS at all (RFC 6483 §4)
	Expires   int64  // in Unix seconds; 0 if the file does not say
}

// String is "AS64496 192.0.2.0/24", and up to what length if that is more.
func (v VRP) String() string {
	if int(v.MaxLength) == v.Prefix.Bits() {
		return fmt.Sprintf("AS%d %s", v.ASN, v.Prefix)
	}
	return fmt.Sprintf("AS%d %s-%d", v.ASN, v.Prefix, v.MaxLength)
}

// Parse reads the JSON that rpki-client writes (its output "json"), and that
// routinator does (its formats json and jsonext). What else is in it, such as
// router keys and ASPAs, is left alone.
func Parse(data []byte) (*Table, error) {
	return (&document{data: data}).table()
}

// table reads the document.
func (d *document) table() (*Table, error) {
	d.dec = json.NewDecoder(bytes.NewReader(d.data))
	var made time.Time
	switch err := d.read(); {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("not a file of VRPs: it ends too early")
	case err != nil:
		return nil, fmt.Errorf("not a file of VRPs: byte %d: %w", d.skipped+d.dec.InputOffset(), err)
	case !d.listed:
		return nil, errors.New(`not a file of VRPs: it has no "roas"`)
	case len(d.vrps) == 0:
		return nil, errors.New("it has no VRP at all: its validator reached no repository")
	}
	if d.meta != nil {
		var err error
		if made, err = d.meta.made(); err != nil {
			return nil, fmt.Errorf("not a file of VRPs: %w", err)
		}
	}
	if made.IsZero() {
		return nil, errors.New("it does not say when it was made: metadata has neither buildtime (rpki-client) nor generated (routinator)")
	}
	return NewTable(d.vrps, made), nil
}

// document is a file that is read.
type document struct {
	data    []byte
	slow    bool // no entry is taken for plain
	dec     *json.Decoder
	skipped int64 // bytes of data that dec does not have, less those that only it has
	vrps    []VRP
	listed  bool
	meta    *metadata
}

// read reads an object with a list of VRPs and what there is else.
func (d *document) read() error {
	if err := d.expect('{'); err != nil {
		return err
	}
	for d.dec.More() {
		key, err := d.dec.Token()
		if err != nil {
			return err
		}
		switch {
		case key == "metadata" && d.meta == nil:
			d.meta = &metadata{}
			err = d.dec.Decode(d.meta)
		case key == "roas" && !d.listed:
			d.listed = true
			err = d.list()
		case key == "metadata", key == "roas":
			err = fmt.Errorf("%q is there twice", key)
		default:
			err = d.dec.Decode(new(ignored))
		}
		if err != nil {
			return err
		}
	}
	if err := d.expect('}'); err != nil {
		return err
	}
	if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind its end")
	}
	return nil
}

func (d *document) expect(want json.Delim) error {
	got, err := d.dec.Token()
	switch {
	case err != nil:
		return err
	case got != want:
		return fmt.Errorf("%v is not %q", got, want.String())
	}
	return nil
}

// list reads the VRPs.
func (d *document) list() error {
	if err := d.expect('['); err != nil {
		return err
	}
	if !d.slow {
		if err := d.plain(); err != nil {
			return err
		}
	}
	for d.dec.More() {
		var e entry
		err := d.dec.Decode(&e)
		if err == nil {
			var v VRP
			if v, err = e.vrp(); err == nil {
				d.vrps = append(d.vrps, v)
				continue
			}
		}
		return fmt.Errorf("roas[%d]: %w", len(d.vrps), err)
	}
	return d.expect(']')
}

// plain reads the plain entries that the list begins with. For the decoder a null
// stands for them all.
func (d *document) plain() error {
	from := d.dec.InputOffset()
	text := d.data[from:]
	var n int
	n, d.vrps = plain(text, make([]VRP, 0, len(text)/96)) // of an entry there are some 100 bytes
	if n == 0 {
		return nil
	}
	const before = `{"roas":[null`
	d.dec = json.NewDecoder(io.MultiReader(strings.NewReader(before), bytes.NewReader(text[n:])))
	d.skipped = from + int64(n-len(before))
	for range 4 {
		if _, err := d.dec.Token(); err != nil {
			return err
		}
	}
	return nil
}

// ignored is a JSON value that is of no interest.
type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

// metadata is what a file says of itself: rpki-client buildtime, routinator the
// others, of the same moment.
type metadata struct {
	Build         string `json:"buildtime"`
	Generated     int64  `json:"generated"` // in Unix seconds
	GeneratedTime string `json:"generatedTime"`
}

// made is when the file was made; zero if it does not say.
func (m *metadata) made() (time.Time, error) {
	for _, text := range []string{m.Build, m.GeneratedTime} {
		if text != "" {
			return time.Parse(time.RFC3339, text)
		}
	}
	if m.Generated > 0 {
		return time.Unix(m.Generated, 0), nil
	}
	return time.Time{}, nil
}

// entry is one of the roas.
type entry struct {
	ASN       asn    `json:"asn"`
	Prefix    string `json:"prefix"`
	MaxLength *int   `json:"maxLength"`
	Expires   int64  `json:"expires"` // rpki-client
}

func (e *entry) vrp() (VRP, error) {
	p, err := netip.ParsePrefix(e.Prefix)
	longest := p.Bits() // that is what no maxLength means (RFC 9582 §4.3.2.2)
	if err == nil && e.MaxLength != nil {
		longest = *e.MaxLength
	}
	switch {
	case err != nil:
		return VRP{}, fmt.Errorf("prefix %q is none", e.Prefix)
	case p != p.Masked():
		return VRP{}, fmt.Errorf("prefix %s has host bits set", p)
	case p.Addr().Is4In6():
		return VRP{}, fmt.Errorf("prefix %s is ipv4 in ipv6", p)
	case !e.ASN.there:
		return VRP{}, fmt.Errorf("%s has no asn", p)
	case longest < p.Bits() || longest > p.Addr().BitLen():
		return VRP{}, fmt.Errorf("%s has maxLength %d, which is not in %d..%d", p, longest, p.Bits(), p.Addr().BitLen())
	case e.Expires < 0:
		return VRP{}, fmt.Errorf("%s expires at %d", p, e.Expires)
	}
	return VRP{Prefix: p, MaxLength: uint8(longest), ASN: e.ASN.number, Expires: e.Expires}, nil
}

// asn is an AS number: rpki-client writes 64496, and routinator "AS64496", as old
// releases of rpki-client did.
type asn struct {
	number uint32
	there  bool
}

func (a *asn) UnmarshalJSON(b []byte) error {
	text := strings.TrimPrefix(strings.Trim(string(b), `"`), "AS")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > math.MaxUint32 {
		return fmt.Errorf("asn %s is not in 0..4294967295", b)
	}
	a.number, a.there = uint32(n), true
	return nil
}
