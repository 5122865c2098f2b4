package rpki

// An entry is plain if it is written as rpki-client and routinator write one: the
// keys are those that mean something here and the name of the trust anchor, each
// once, and the values whole numbers, and strings without escapes. There are some
// 600,000 of them, and to read them so takes a sixth of the time. Whatever is not
// plain is left to encoding/json, so nobody can tell which way was gone.

// plain appends the plain entries that the text behind a "[" begins with, and
// returns how many bytes they take, without what may separate them from more.
func plain(text []byte, vrps []VRP) (int, []VRP) {
	s := scanner{text: text}
	end := 0
	for {
		e, longest := entry{}, 0
		if !s.entry(&e, &longest) {
			return end, vrps
		}
		v, err := e.vrp()
		if err != nil {
			return end, vrps
		}
		vrps, end = append(vrps, v), s.at
		if !s.next(',') {
			return end, vrps
		}
	}
}

// scanner reads JSON of the plain kind. Where it says false, where it stands means
// nothing.
type scanner struct {
	text []byte
	at   int
}

// next takes a character, and the white space before it.
func (s *scanner) next(c byte) bool {
	for s.at < len(s.text) {
		switch got := s.text[s.at]; got {
		case ' ', '\t', '\n', '\r':
			s.at++
		case c:
			s.at++
			return true
		default:
			return false
		}
	}
	return false
}

// entry reads one. longest is the room for its maxLength.
func (s *scanner) entry(e *entry, longest *int) bool {
	if !s.next('{') {
		return false
	}
	var seen [5]bool // of the keys, each by its number
	for {
		key, ok := s.word()
		if !ok || !s.next(':') {
			return false
		}
		var n int64
		which := 0
		switch string(key) {
		case "asn":
			which = 1
			if s.next('"') {
				s.at--
				var text []byte
				text, ok = s.word()
				ok = ok && e.ASN.UnmarshalJSON(text) == nil
			} else if n, ok = s.number(); ok {
				ok = n <= 1<<32-1
				e.ASN = asn{uint32(n), true}
			}
		case "prefix":
			which = 2
			var text []byte
			text, ok = s.word()
			e.Prefix = string(text)
		case "maxLength":
			which = 3
			n, ok = s.number()
			*longest = int(n)
			e.MaxLength = longest
		case "expires":
			which = 4
			e.Expires, ok = s.number()
		case "ta":
			_, ok = s.word()
		default:
			return false
		}
		if !ok || seen[which] {
			return false
		}
		seen[which] = true
		switch {
		case s.next(','):
		case s.next('}'):
			return true
		default:
			return false
		}
	}
}

// word is what stands between quotes.
func (s *scanner) word() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	for i := s.at; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			word := s.text[s.at:i]
			s.at = i + 1
			return word, true
		case c < ' ' || c == '\\' || c >= 0x7f:
			return nil, false
		}
	}
	return nil, false
}

// number is a whole one of at most 18 digits.
func (s *scanner) number() (int64, bool) {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	from, n := s.at, int64(0)
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 && s.at-from <= 18 {
		n = 10*n + int64(s.text[s.at]-'0')
		s.at++
	}
	digits := s.at - from
	if digits == 0 || digits > 18 || digits > 1 && s.text[from] == '0' || s.at == len(s.text) {
		return 0, false
	}
	switch s.text[s.at] {
	case ',', '}', ' ', '\t', '\n', '\r':
		return n, true
	}
	return 0, false
}
