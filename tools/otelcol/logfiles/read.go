package logfiles

import (
	"bytes"
	"io"
	"sort"

	"golang.org/x/sys/unix"
)

const (
	// A batch is bounded, so that it fits every queue and no file is alone in it for long.
	batchRecords = 1000
	batchBytes   = 1 << 20
	leastShare   = 32 << 10
	leastRecords = 50
	// spare is read beyond the longest record, to see where it ends.
	spare = 64 << 10
	// toJudge is the least of a first line that is not ended by which a file's kind is told at once.
	toJudge = 16
)

// record is what is handed on.
type record struct {
	text, id string
}

// part is what a batch has of one file.
type part struct {
	state    *state
	records  []record
	to, head mark
}

// gather reads a batch, from all files that have something, those first that
// waited longest.
func (t *tracker) gather() []part {
	t.batch++
	var ready []*file
	for _, f := range t.files {
		if t.ready(f) {
			ready = append(ready, f)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	sort.Slice(ready, func(a, b int) bool { return ready[a].served < ready[b].served })
	share := max(leastShare, batchBytes/len(ready))
	records := max(leastRecords, batchRecords/len(ready))
	var parts []part
	for room, number := batchBytes, batchRecords; len(ready) > 0 && room > 0 && number > 0; ready = ready[1:] {
		f := ready[0]
		f.served = t.batch
		one, size := t.read(f, share, min(records, number))
		if one.to.End > 0 {
			parts = append(parts, one)
			room -= size
			number -= len(one.records)
		}
	}
	return parts
}

func (t *tracker) ready(f *file) bool {
	return f.handle != nil && f.state != nil && f.reason == "" && !f.waits && f.facts.size > f.Offset &&
		(f.facts.size != f.tried || f.Cut > f.Offset || t.overdue(f) && !f.padded)
}

// overdue: what is at the end of the file waited long enough for its end.
func (t *tracker) overdue(f *file) bool {
	return t.now().Sub(f.grown) >= t.config.patience()
}

// judge looks at a file's first bytes; false: not to be read, or not yet.
func (t *tracker) judge(f *file) bool {
	head := make([]byte, min(headSize, f.facts.size))
	n, _ := f.handle.ReadAt(head, 0)
	head = head[:n]
	if n < toJudge && bytes.IndexByte(head, '\n') < 0 && !t.overdue(f) {
		f.tried = f.facts.size
		return false
	}
	if n == 1 && head[0] >= 0xfe { // half a byte-order mark
		f.tried, f.padded = f.facts.size, true
		return false
	}
	f.judged = true
	f.Text, f.reason = judge(head)
	return f.reason == ""
}

// read takes records from a file: whole ones, and one that was not ended in
// time. An end in the part means that the file was read, if only of nothing.
func (t *tracker) read(f *file, share, records int) (found part, size int) {
	if !f.judged && !t.judge(f) {
		return part{}, 0
	}
	s := f.state
	limit := f.facts.size
	if s.Cut > s.Offset {
		limit = s.Cut
	}
	last := s.last()
	room := int64(share)
	for {
		data := make([]byte, int64(last.Len)+min(limit-s.Offset, room))
		n, err := f.handle.ReadAt(data, s.Offset-int64(last.Len))
		data = data[:n]
		if err != nil && err != io.EOF {
			t.failed(f, err)
			return part{}, 0
		}
		f.broken = false
		if n < last.Len || last.Len > 0 && digest(s.Offset, data[:last.Len]) != last {
			t.truncated(f, f.facts.size)
			return part{}, 0
		}
		whole := err == io.EOF || s.Offset+int64(n-last.Len) >= limit
		found, size = t.split(f, data, last.Len, records, whole, s.Cut > s.Offset && whole)
		switch longest := int64(t.config.MaxLogSize + spare); {
		case size > 0:
			return found, size
		case whole:
			return t.endNow(f, data, last.Len, records)
		case room < longest:
			room = longest
		default:
			if t.skipZeros(f) {
				return t.read(f, share, records)
			}
			return part{}, 0
		}
	}
}

// split makes records of data, which begins lead bytes before the file's offset.
func (t *tracker) split(f *file, data []byte, lead, records int, whole, final bool) (found part, size int) {
	s := f.state
	rest := data[lead:]
	if whole {
		rest = filled(rest, s.Text)
	}
	for len(found.records) < records {
		one := t.splitter.next(rest[size:], s.Text, final)
		if one.size == 0 {
			break
		}
		at := s.Offset + int64(size+one.skip)
		size += one.size
		body, replaced := text(one.raw, s.Text)
		t.counts.record(one.cut, replaced)
		if body != "" {
			found.records = append(found.records, record{body, s.lineID(at, one.raw)})
		}
	}
	if size == 0 {
		return part{}, 0
	}
	found.state = s
	end := lead + size
	from := max(0, end-markSize)
	found.to = digest(s.Offset+int64(size), data[from:end])
	if s.Head.Len < headSize {
		first := make([]byte, min(headSize, found.to.End))
		if n, _ := f.handle.ReadAt(first, 0); n == len(first) {
			found.head = digest(int64(n), first)
		}
	}
	return found, size
}

// endNow takes what is at the end of a file as a record, if it waited long
// enough. Where it ends is kept first, so that reading again ends it there too.
func (t *tracker) endNow(f *file, data []byte, lead, records int) (part, int) {
	rest := wholeCharacters(filled(data[lead:], f.Text), f.Text)
	f.tried = f.facts.size
	if len(rest) == 0 {
		// Nothing but room, or half a character; the file is looked at again when it changes.
		f.padded = true
		return part{}, 0
	}
	if !t.overdue(f) {
		return part{}, 0
	}
	f.Cut = f.Offset + int64(len(rest))
	f.saved = false
	t.kept.note(f.state)
	return t.split(f, data[:lead+len(rest)], lead, records, true, true)
}

// failed gives up a handle: on a network file system it may be stale, and the
// file's name lead to a sound one. A file without a name has only this.
func (t *tracker) failed(f *file, err error) {
	t.note(oddity{failing, true}, f.path, err)
	f.tried, f.broken = f.facts.size, true
	if f.turn == t.turn {
		t.close(f)
		f.facts.changed = 0 // so that it is opened anew
	}
}

// skipZeros passes over zeros that are followed by something: what a writer
// that does not append leaves before its next line when its file is truncated.
// It tells whether there was something.
func (t *tracker) skipZeros(f *file) bool {
	position := f.Offset
	data := make([]byte, batchBytes)
	for {
		if at, err := unix.Seek(int(f.handle.Fd()), position, unix.SEEK_DATA); err == nil {
			position = at
		}
		n, err := f.handle.ReadAt(data, position)
		if zeros := blank(data[:n], utf8Text); zeros < n {
			position += int64(zeros)
			break
		}
		position += int64(n)
		if err != nil || n == 0 {
			f.tried, f.padded = f.facts.size, true
			return false
		}
	}
	if f.Text != utf8Text {
		position &^= 1
	}
	head, to, err := marksAt(f.handle, position)
	if err != nil || position <= f.Offset {
		f.tried = f.facts.size
		return false
	}
	f.advance(to, head)
	t.kept.note(f.state)
	return true
}
