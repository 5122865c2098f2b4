package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// The layout of bbolt's file format 2, as far as it must be known to say that
// a file is whole. bbolt trusts its pages: a pointer out of the file is a
// SIGBUS, a loop of pages an endless descent, a live page in the list of free
// ones is overwritten. So a file is checked here before bbolt maps it.
const (
	boltMagic     = 0xED0CDAED
	boltVersion   = 2
	noFreelist    = ^uint64(0)
	pageHeader    = 16
	element       = 16 // of a branch or of a leaf
	metaSize      = 64
	flagBranch    = 0x01
	flagLeaf      = 0x02
	flagFreelist  = 0x10
	elementBucket = 0x01
	maxDepth      = 64
	maxFile       = 1 << 30 // some ten million routes
)

// pages walks a file once; it is bbolt's database without the trust.
type pages struct {
	data     []byte // the file up to its high water mark
	pageSize uint64
	high     uint64 // the first page id that is not in use
	seen     map[uint64]bool
	native   binary.ByteOrder
}

// checkPages fails if the file is not one that bbolt can read and write
// without harm.
func checkPages(file io.ReaderAt, size int64) error {
	p := pages{native: binary.NativeEndian, seen: map[uint64]bool{0: true, 1: true}}
	root, free, err := p.meta(file, size)
	if err != nil {
		return err
	}
	length := p.high * p.pageSize
	if p.high > maxFile || length > maxFile {
		return fmt.Errorf("it claims %d pages of %d bytes, more than a journal can have", p.high, p.pageSize)
	}
	if uint64(size) < length {
		return fmt.Errorf("it is cut short: %d bytes of at least %d", size, length)
	}
	p.data = make([]byte, length)
	if _, err := file.ReadAt(p.data, 0); err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	if err := p.tree(root, bounds{}, 0); err != nil {
		return err
	}
	return p.freelist(free)
}

// meta reads the two root pages and follows the one that bbolt would: that of
// the last transaction. bbolt needs only one to be intact, and goes back by a
// transaction if it is the older; but a transaction that was on the disk may
// not be lost in silence, and an interrupted one leaves both intact, as a root
// is within one sector.
func (p *pages) meta(file io.ReaderAt, size int64) (root, free uint64, err error) {
	var last uint64
	for id := range uint64(2) {
		b := make([]byte, pageHeader+metaSize)
		if _, err := file.ReadAt(b, int64(id*p.pageSize)); err != nil {
			return 0, 0, fmt.Errorf("it is no bbolt file: it has only %d bytes", size)
		}
		b = b[pageHeader:]
		sum := fnv.New64a()
		sum.Write(b[:56])
		pageSize, txid := uint64(p.native.Uint32(b[8:])), p.native.Uint64(b[48:])
		switch {
		case p.native.Uint32(b) != boltMagic || p.native.Uint32(b[4:]) != boltVersion:
			return 0, 0, fmt.Errorf("it is no bbolt file, or its root page %d is torn", id)
		case p.native.Uint64(b[56:]) != sum.Sum64():
			return 0, 0, fmt.Errorf("its root page %d is torn", id)
		case txid%2 != id || (id == 1 && txid+1 != last && txid != last+1):
			// Transactions write the two in turn.
			return 0, 0, fmt.Errorf("its root page %d is of transaction %d, the other of %d", id, txid, last)
		case pageSize < 1024 || pageSize > 1<<16 || pageSize&(pageSize-1) != 0 || (id == 1 && pageSize != p.pageSize):
			return 0, 0, fmt.Errorf("its pages cannot be of %d bytes", pageSize)
		}
		p.pageSize = pageSize
		if id == 0 || txid > last { // the first time round there is no last
			last, root, free, p.high = txid, p.native.Uint64(b[16:]), p.native.Uint64(b[32:]), p.native.Uint64(b[40:])
		}
	}
	return root, free, nil
}

// page returns the page and what it overflows into, and marks them as seen.
func (p *pages) page(id uint64) ([]byte, error) {
	if id < 2 || id >= p.high {
		return nil, fmt.Errorf("page %d is out of the file's %d", id, p.high)
	}
	b := p.data[id*p.pageSize:]
	more := uint64(p.native.Uint32(b[12:]))
	if p.native.Uint64(b) != id || id+more >= p.high {
		return nil, fmt.Errorf("page %d is torn", id)
	}
	for i := id; i <= id+more; i++ {
		if p.seen[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		p.seen[i] = true
	}
	return b[:(more+1)*p.pageSize], nil
}

// bounds are of the keys of a page: from the first of them on, up to and without the
// second; nil is none.
type bounds struct{ from, to []byte }

func (b bounds) have(key []byte) bool {
	return bytes.Compare(key, b.from) >= 0 && (b.to == nil || bytes.Compare(key, b.to) < 0)
}

// tree checks the tree of pages under id.
func (p *pages) tree(id uint64, keys bounds, depth int) error {
	b, err := p.page(id)
	if err != nil {
		return err
	}
	if err := p.elements(b, keys, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements checks those of one page, or of a small bucket that is held in a
// value, and what they point to.
func (p *pages) elements(b []byte, keys bounds, depth int) error {
	if depth > maxDepth {
		return errors.New("tree is too deep")
	}
	flags, count := p.native.Uint16(b[8:]), int(p.native.Uint16(b[10:]))
	if flags != flagBranch && flags != flagLeaf {
		return fmt.Errorf("it is of type %#x, not of a tree", flags)
	}
	if pageHeader+count*element > len(b) || (flags == flagBranch && count == 0) {
		return fmt.Errorf("it cannot have %d elements", count)
	}
	var before []byte
	for i := range count {
		at := pageHeader + i*element
		key, value, err := p.element(b, at, flags)
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(before, key) >= 0 || !keys.have(key) {
			return errors.New("keys are out of order")
		}
		before = key
		switch {
		case flags == flagBranch:
			below := bounds{key, keys.to}
			if i+1 < count {
				if below.to, _, err = p.element(b, at+element, flags); err != nil {
					return err
				}
			}
			err = p.tree(p.native.Uint64(b[at+8:]), below, depth+1)
		case p.native.Uint32(b[at:]) == elementBucket:
			err = p.bucket(value, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// element returns the key, and for a leaf the value, of the element at an
// offset.
func (p *pages) element(b []byte, at int, flags uint16) (key, value []byte, err error) {
	e := b[at : at+element]
	pos, ksize, vsize := uint64(p.native.Uint32(e)), uint64(p.native.Uint32(e[4:])), uint64(0)
	if flags == flagLeaf {
		if kind := p.native.Uint32(e); kind > elementBucket {
			return nil, nil, fmt.Errorf("element is of type %#x", kind)
		}
		pos, ksize, vsize = uint64(p.native.Uint32(e[4:])), uint64(p.native.Uint32(e[8:])), uint64(p.native.Uint32(e[12:]))
	}
	start := uint64(at) + pos
	if ksize == 0 || pos < element || start+ksize+vsize > uint64(len(b)) {
		return nil, nil, errors.New("element reaches out of its page")
	}
	return b[start : start+ksize], b[start+ksize : start+ksize+vsize], nil
}

// bucket checks what the value of a bucket holds or points to.
func (p *pages) bucket(value []byte, depth int) error {
	if len(value) < 16 {
		return errors.New("bucket is cut short")
	}
	if root := p.native.Uint64(value); root != 0 {
		return p.tree(root, bounds{}, depth)
	}
	inline := value[16:]
	if len(inline) < pageHeader || p.native.Uint16(inline[8:]) != flagLeaf {
		return errors.New("bucket is neither a tree nor a leaf")
	}
	return p.elements(inline, bounds{}, depth)
}

// freelist checks that what bbolt would write to next is in the file, once,
// and not in use.
func (p *pages) freelist(id uint64) error {
	if id == noFreelist {
		return errors.New("it has no list of free pages: a journal has")
	}
	b, err := p.page(id)
	if err != nil {
		return err
	}
	if flags := p.native.Uint16(b[8:]); flags != flagFreelist {
		return fmt.Errorf("page %d is of type %#x, not of free pages", id, flags)
	}
	ids, count := b[pageHeader:], uint64(p.native.Uint16(b[10:]))
	if count == 0xFFFF { // too many for the field: the first number is the count
		count, ids = p.native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return fmt.Errorf("page %d cannot have %d free pages", id, count)
	}
	for i := range count {
		free := p.native.Uint64(ids[i*8:])
		if free < 2 || free >= p.high || p.seen[free] {
			return fmt.Errorf("page %d is free and in use, or not in the file", free)
		}
		p.seen[free] = true
	}
	return nil
}
