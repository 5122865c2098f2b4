package wire

import (
	"encoding/base64"
	"errors"
	"fmt"

	"routesync/state"
)

// packOver is the number of keys up to which they travel as text, which people
// read: more, if they are plain prefixes, travel as BGP writes them.
const packOver = 16

// keysJSON has the keys of a group in the one of two forms that is theirs.
type keysJSON struct {
	NLRI     []string `json:"nlri,omitempty"`
	Prefixes string   `json:"prefixes,omitempty"` // of [state.PackKeys], in base64 (RFC 4648 §4)
}

func toKeys(keys []state.Key) keysJSON {
	if len(keys) > packOver {
		if packed := state.PackKeys(keys); packed != nil {
			return keysJSON{Prefixes: base64.StdEncoding.EncodeToString(packed)}
		}
	}
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.String()
	}
	return keysJSON{NLRI: texts}
}

func fromKeys(family string, j keysJSON) (state.Family, []state.Key, error) {
	f, err := state.ParseFamily(family)
	if err != nil {
		return 0, nil, err
	}
	if (len(j.NLRI) > 0) == (j.Prefixes != "") {
		return 0, nil, fmt.Errorf("a group without nlri, or with two lists of it")
	}
	var keys []state.Key
	if j.Prefixes != "" {
		keys, err = fromPrefixes(f, j.Prefixes)
	} else {
		keys, err = fromTexts(f, j.NLRI)
	}
	if err != nil {
		return 0, nil, err
	}
	return f, keys, nil
}

func fromPrefixes(f state.Family, text string) ([]state.Key, error) {
	packed, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("prefixes: %w", err)
	}
	if base64.StdEncoding.EncodedLen(len(packed)) != len(text) { // it skips line ends
		return nil, errors.New("prefixes: base64 in lines is not canonical")
	}
	keys, err := state.UnpackKeys(f, packed)
	if err != nil {
		return nil, err
	}
	if len(keys) <= packOver {
		return nil, fmt.Errorf("%d packed prefixes are not canonical, which is text", len(keys))
	}
	return keys, nil
}

func fromTexts(f state.Family, texts []string) ([]state.Key, error) {
	keys := make([]state.Key, len(texts))
	for i, text := range texts {
		var err error
		if keys[i], err = state.ParseKey(f, text); err != nil {
			return nil, err
		}
	}
	if len(keys) > packOver && state.PackKeys(keys) != nil {
		return nil, fmt.Errorf("%d plain prefixes as text are not canonical, which is packed", len(keys))
	}
	return keys, nil
}
