package rabbit

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

const (
	// compressOver is the size from which a body is worth compressing.
	compressOver = 8 << 10
	// bodyLimit bounds what a received body may unpack to.
	bodyLimit = 64 << 20

	encodingGzip = "gzip"
)

var errTooLarge = errors.New("body unpacks to more than the limit")

// pack returns a body as it travels, and the content encoding that says how.
func pack(body []byte) (packed []byte, encoding string, err error) {
	if len(body) > bodyLimit {
		return nil, "", fmt.Errorf("%d bytes: %w of %d", len(body), errTooLarge, bodyLimit)
	}
	if len(body) <= compressOver {
		return body, "", nil
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed) // lists of prefixes: the level matters little to the size
	if err != nil {
		return nil, "", fmt.Errorf("compress body: %w", err)
	}
	if _, err := w.Write(body); err != nil {
		return nil, "", fmt.Errorf("compress body: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, "", fmt.Errorf("compress body: %w", err)
	}
	return buf.Bytes(), encodingGzip, nil
}

// unpack undoes pack. It returns the whole body or none of it.
func unpack(packed []byte, encoding string, limit int64) ([]byte, error) {
	switch encoding {
	case "", "identity":
		if int64(len(packed)) > limit {
			return nil, fmt.Errorf("%d bytes: %w of %d", len(packed), errTooLarge, limit)
		}
		return packed, nil
	case encodingGzip:
	default:
		return nil, fmt.Errorf("content encoding %q: want none or %s", encoding, encodingGzip)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack body: %w", err)
	}
	// One byte more than is allowed, so that a body of exactly the limit is read to
	// its end, where its checksum is.
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("unpack body: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w of %d", errTooLarge, limit)
	}
	return body, nil
}
