package logfiles

import (
	"io"
	"os"
	"sort"

	"go.uber.org/zap"
)

// inserted: a file has the name of a rotated one, but rotation put its date
// where other programs put names; only if it was followed before is it one.
const inserted = "inserted"

// place finds out which of the known files the unknown ones are. Those that
// exist still are told by their number, so that a copy is looked for only among
// the others; older files come first.
func (t *tracker) place(unknown []*file) {
	sort.SliceStable(unknown, func(a, b int) bool { return unknown[a].facts.changed < unknown[b].facts.changed })
	var rest []*file
	for _, f := range unknown {
		if f.waits || !t.recall(f) {
			rest = append(rest, f)
		}
	}
	for _, f := range rest {
		t.settle(f)
	}
	t.legacy = nil
}

// recall finds a file by its number.
func (t *tracker) recall(f *file) bool {
	made := born(f.handle)
	for _, s := range t.kept.states {
		if s.Ended || s.Inode.Number != f.facts.inode.Number || t.followedState(s) {
			continue
		}
		later := s.Born != 0 && made != 0 && s.Born != made
		sure := s.Inode == f.facts.inode || s.Born != 0 && s.Born == made
		// The number of a device may change when the system starts anew.
		likely := s.Offset > 0 && (s.Path == f.path || f.rotatedFrom(s.Path))
		if later || !sure && !likely {
			continue
		}
		if !s.intact(f.handle, f.facts.size) {
			if !sure {
				continue
			}
			// Truncated, while nobody looked.
			s.Ended, s.Gone = true, t.now().Unix()
			t.kept.note(s)
			continue
		}
		t.attach(f, s, made)
		return true
	}
	return false
}

func (t *tracker) followedState(s *state) bool {
	f := t.files[s.Inode]
	return f != nil && f.state == s
}

// attach follows a file from where it was left.
func (t *tracker) attach(f *file, s *state, made int64) {
	f.state, f.waits, f.reason = s, false, ""
	f.judged = s.Offset > 0
	s.Inode, s.Born, s.Path, s.Gone, s.Ended, s.unread = f.facts.inode, made, f.path, 0, false, 0
	t.files[f.facts.inode] = f
	t.kept.note(s)
}

// settle decides what a file is that no state has the number of: a copy, soon a
// copy, or a new one.
func (t *tracker) settle(f *file) {
	made := born(f.handle)
	t.files[f.facts.inode] = f
	rotated := false
	for _, from := range f.origins() {
		for _, s := range t.kept.states {
			if !s.Ended || s.Path != from.path {
				continue
			}
			if s.flying {
				f.waits = true
				return
			}
			if marks, ok := s.copied(f.handle, f.facts.size); ok {
				s.Marks, s.Cut = marks, 0
				s.Offset = s.last().End
				if head, _, err := marksAt(f.handle, s.Offset); err == nil {
					s.Head = head // the copy may lack some of what it was
				}
				t.logger.Info("a file is the copy of one that was truncated; it is read on",
					zap.String("path", f.path), zap.String("of", s.Path), zap.Int64("offset", s.Offset))
				t.attach(f, s, made)
				return
			}
			rotated = true
		}
		if t.becomesCopy(f, from.path) {
			f.waits = true
			return
		}
	}
	f.waits = false
	if f.reason == inserted {
		if !t.writtenSince(f, made) {
			t.close(f)
			return
		}
		f.reason = ""
	}
	if rotated {
		// Of a file that was truncated before anything of it was read, this is all there is.
		for _, s := range t.kept.states {
			if s.Ended && s.Offset == 0 && f.rotatedFrom(s.Path) {
				s.unread = 0
			}
		}
	}
	f.state = newState(f.path, f.facts.inode, made)
	if _, ok := t.followed[f.path]; !ok {
		t.followed[f.path] = made
	}
	t.upgrade(f)
}

// origins lists the names that a file may have had before it was rotated.
func (f *file) origins() []origin {
	found := origins(f.path)
	if f.of != "" {
		found = append(found, origin{path: f.of})
	}
	return found
}

func (f *file) rotatedFrom(path string) bool { return f.of == path || rotatedOf(f.path, path) }

// becomesCopy tells whether a file has, so far, the text of the one that is
// followed under its unrotated name: copytruncate copies before it truncates.
func (t *tracker) becomesCopy(f *file, path string) bool {
	for _, other := range t.files {
		if other == f || other.path != path || other.turn != t.turn || other.state == nil {
			continue
		}
		if t.now().Sub(f.grown) >= copying || f.facts.size > other.facts.size {
			return false
		}
		handle := other.handle
		if handle == nil {
			opened, err := os.Open(path)
			if err != nil {
				return false
			}
			defer func() { _ = opened.Close() }()
			handle = opened
		}
		return same(f.handle, handle, f.facts.size)
	}
	return false
}

// writtenSince tells whether a file was made after the one that was followed
// first under its unrotated name: then it was the active one for a while.
func (t *tracker) writtenSince(f *file, made int64) bool {
	for _, from := range f.origins() {
		if first, ok := t.followed[from.path]; ok && first != 0 && made > first {
			return true
		}
	}
	return false
}

// upgrade goes on where filelog was.
func (t *tracker) upgrade(f *file) {
	offset := take(&t.legacy, f.handle, f.facts.size)
	if offset == 0 {
		return
	}
	head, to, err := marksAt(f.handle, offset)
	if err != nil {
		return
	}
	f.judged = true
	f.state.advance(to, head)
	t.kept.note(f.state)
	t.logger.Info("a file is read on from where filelog was", zap.String("path", f.path), zap.Int64("offset", offset))
}

// marksAt reads the marks of a file of which everything before offset was read.
func marksAt(file io.ReaderAt, offset int64) (head, to mark, err error) {
	first := make([]byte, min(headSize, offset))
	if _, err := file.ReadAt(first, 0); err != nil {
		return head, to, err
	}
	last := make([]byte, min(markSize, offset))
	if _, err := file.ReadAt(last, offset-int64(len(last))); err != nil {
		return head, to, err
	}
	return digest(int64(len(first)), first), digest(offset, last), nil
}
