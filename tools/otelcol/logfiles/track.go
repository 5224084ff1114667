package logfiles

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"sort"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

const (
	// linger is how long a file is followed that has no name any more and of which everything was read: its
	// writer may not know yet. A copy of a truncated file is waited for as long.
	linger = time.Minute
	// copying is how long a rotated file is left alone that has the same text as the file of which it may
	// become a copy, if neither changes.
	copying = 10 * time.Second
	// idle is when a file is closed in which nothing happens, and mostOpen how many are kept open.
	idle     = 5 * time.Minute
	mostOpen = 400
	// remembered is how long a file that is gone is remembered: its disk may come back.
	remembered = 7 * 24 * time.Hour
)

// file is one that exists.
type file struct {
	*state
	path    string
	handle  *os.File
	facts   facts
	grown   time.Time // when it was last seen to change
	turn    uint64    // the scan in which it was last found under a name
	served  uint64    // the batch in which it was last read
	reason  string    // why it is not read
	literal bool
	judged  bool  // whether its first bytes were looked at
	waits   bool  // it may become a copy of another file
	tried   int64 // its size when no whole record was found in it
	padded  bool  // nothing but zeros were found then
}

func (f *file) atEnd() bool {
	return f.reason != "" || f.state != nil && f.Offset >= f.facts.size
}

// tracker knows which files there are, and which of them were known before.
type tracker struct {
	config   *Config
	finder   finder
	splitter splitter
	kept     *checkpoints
	counts   *counts
	logger   *zap.Logger
	now      func() time.Time

	files  map[inode]*file
	legacy []known
	// followed: by path, when the file was made that was followed there first.
	followed map[string]int64
	turn     uint64
	batch    uint64
	told     map[string]string
	odd      map[oddity]int64
}

func newTracker(config *Config, kept *checkpoints, counts *counts, logger *zap.Logger) *tracker {
	t := &tracker{
		config: config, finder: newFinder(config), splitter: config.splitter(), kept: kept, counts: counts,
		logger: logger, now: time.Now, files: map[inode]*file{}, followed: map[string]int64{}, told: map[string]string{},
	}
	for _, s := range kept.states {
		if first, ok := t.followed[s.Path]; !ok || s.Born < first {
			t.followed[s.Path] = s.Born
		}
	}
	return t
}

// scan looks for files, and at each of them.
func (t *tracker) scan() {
	t.turn++
	t.odd = map[oddity]int64{}
	var unknown []*file
	for _, item := range t.finder.find() {
		info, err := os.Stat(item.path)
		if err != nil {
			t.refuse(item, err)
			continue
		}
		now := factsOf(info)
		if !now.kind.IsRegular() {
			t.strange(item, now.kind)
			continue
		}
		f := t.files[now.inode]
		if f != nil && f.turn == t.turn {
			continue // a second name of the same file
		}
		if f == nil || f.handle == nil && f.changed(now) {
			if f != nil {
				t.leave(f)
			}
			if f = t.open(item); f != nil {
				unknown = append(unknown, f)
			}
			continue
		}
		f.turn = t.turn
		if f.path != item.path {
			f.path = item.path
			if f.state != nil {
				f.Path = item.path
				t.kept.note(f.state)
			}
		}
		t.update(f, now)
	}
	for _, f := range t.files {
		if f.turn != t.turn {
			t.nameless(f)
		}
		if f.waits && f.handle != nil {
			unknown = append(unknown, f)
		}
	}
	t.place(unknown)
	t.expire()
	t.closeIdle()
	t.report()
}

// refresh looks at the files that are open, which is quick.
func (t *tracker) refresh() {
	for _, f := range t.files {
		if f.handle != nil {
			if info, err := f.handle.Stat(); err == nil {
				t.update(f, factsOf(info))
			}
		}
	}
}

func (f *file) changed(now facts) bool {
	return f.facts.size != now.size || f.facts.changed != now.changed
}

// update takes in what the system says of a file, and notices a truncation.
func (t *tracker) update(f *file, now facts) {
	before := f.facts
	f.facts = now
	if before.size == now.size && before.changed == now.changed {
		return
	}
	f.grown, f.padded = t.now(), false
	if f.handle == nil || f.state == nil || f.waits {
		return
	}
	if f.reason != "" && now.size < before.size {
		f.reason, f.judged = "", false
	}
	// A file that loses lines at its end, beyond what was read, is still itself.
	shorter := now.size < f.Offset || f.Offset == 0 && now.size < before.size
	if shorter || !f.last().is(f.handle) {
		t.truncated(f, before.size)
	}
}

// truncated begins a file anew. What it held may be in a copy.
func (t *tracker) truncated(f *file, before int64) {
	old := f.state
	old.Ended, old.Gone = true, t.now().Unix()
	old.unread = max(0, before-old.Offset)
	if old.Offset > 0 || old.unread > 0 {
		t.kept.note(old)
	} else {
		t.kept.forget(old)
	}
	f.state = newState(f.path, f.facts.inode, old.Born)
	f.judged, f.tried, f.reason, f.grown = false, 0, "", t.now()
}

// open opens a file that is not known yet.
func (t *tracker) open(item named) *file {
	f := &file{path: item.path, turn: t.turn, literal: item.literal, grown: t.now()}
	if item.inserted {
		f.reason = inserted
	}
	if compressedName(item.path) {
		info, err := os.Stat(item.path)
		if err != nil {
			return nil
		}
		f.facts, f.reason = factsOf(info), compressed
		t.files[f.facts.inode] = f
		return nil
	}
	handle, err := os.OpenFile(item.path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		t.refuse(item, err)
		return nil
	}
	info, err := handle.Stat()
	if err != nil || !info.Mode().IsRegular() || t.files[factsOf(info).inode] != nil {
		_ = handle.Close() // another file took its name just now: the next scan sees it
		return nil
	}
	f.handle, f.facts = handle, factsOf(info)
	return f
}

// nameless looks at a file that has no name any more that is looked for. It is
// read to its end.
func (t *tracker) nameless(f *file) {
	if f.handle != nil {
		if info, err := f.handle.Stat(); err == nil {
			t.update(f, factsOf(info))
		}
		rest := t.now().Sub(f.grown)
		if f.waits && rest < copying || !f.waits && (!f.atEnd() || rest < linger) {
			return
		}
	}
	t.leave(f)
}

// leave stops following a file.
func (t *tracker) leave(f *file) {
	t.close(f)
	delete(t.files, f.facts.inode)
	if f.state != nil && t.kept.states[f.ID] == f.state {
		f.Gone = t.now().Unix()
		t.kept.note(f.state)
	}
}

func (t *tracker) close(f *file) {
	if f.handle != nil {
		_ = f.handle.Close()
		f.handle = nil
	}
}

// expire forgets what is gone for long, and counts what can no longer be found.
func (t *tracker) expire() {
	followed := map[*state]bool{}
	for _, f := range t.files {
		followed[f.state] = true
	}
	now := t.now()
	for _, s := range t.kept.states {
		if followed[s] {
			continue
		}
		if s.Gone == 0 {
			s.Gone = now.Unix()
			t.kept.note(s)
		}
		gone := now.Sub(time.Unix(s.Gone, 0))
		if s.unread > 0 && gone > linger {
			t.logger.Warn("a file was truncated before everything in it was read, and no copy of it was found",
				zap.String("path", s.Path), zap.Int64("bytes", s.unread))
			t.counts.lost(s.unread)
			s.unread = 0
		}
		if gone > remembered {
			t.kept.forget(s)
		}
	}
}

// closeIdle closes files of which everything was read and in which nothing happens.
func (t *tracker) closeIdle() {
	var quiet []*file
	open := 0
	for _, f := range t.files {
		if f.handle == nil {
			continue
		}
		open++
		if f.atEnd() && f.turn == t.turn && !f.waits && f.state != nil && (f.saved || f.reason != "") {
			quiet = append(quiet, f)
		}
	}
	sort.Slice(quiet, func(a, b int) bool { return quiet[a].grown.Before(quiet[b].grown) })
	for _, f := range quiet {
		if open <= mostOpen && t.now().Sub(f.grown) < idle {
			break
		}
		t.close(f)
		open--
	}
}

// refuse notes a file that cannot be opened. One that is not there is none.
func (t *tracker) refuse(item named, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		t.note(oddity{permission, true}, item.path, err)
	default:
		t.note(oddity{failing, true}, item.path, err)
	}
}

// strange notes what is no file. Under a wildcard, folders are nothing special.
func (t *tracker) strange(item named, kind os.FileMode) {
	reason := special
	if kind.IsDir() {
		reason = folder
	}
	if item.literal {
		t.note(oddity{reason, true}, item.path, nil)
	}
}

func (t *tracker) note(what oddity, path string, err error) {
	t.odd[what]++
	if t.told[path] != what.reason {
		t.told[path] = what.reason
		if what.unreadable {
			t.logger.Warn("a file cannot be read", zap.String("path", path), zap.String("reason", what.reason), zap.Error(err))
		} else {
			t.logger.Info("a file is left out", zap.String("path", path), zap.String("reason", what.reason))
		}
	}
}

// report counts what is not read, for the metrics.
func (t *tracker) report() {
	var unread int64
	for _, f := range t.files {
		switch {
		case f.reason == binaryData && f.literal:
			t.note(oddity{binaryData, true}, f.path, nil)
		case f.reason == inserted:
		case f.reason != "":
			t.note(oddity{f.reason, false}, f.path, nil)
		case f.state != nil:
			unread += max(0, f.facts.size-f.Offset)
		}
	}
	t.counts.show(t.odd, int64(len(t.files)), unread)
}

// same tells whether two files have the same first n bytes, as far as their
// beginning and their end show.
func same(a, b *os.File, n int64) bool {
	const some = 4096
	for _, from := range []int64{0, max(0, n-some)} {
		length := min(n-from, some)
		one, other := make([]byte, length), make([]byte, length)
		read, _ := a.ReadAt(one, from)
		also, _ := b.ReadAt(other, from)
		if int64(read) < length || read != also || !bytes.Equal(one, other) {
			return false
		}
	}
	return true
}

// end closes everything; lines that nobody can read any more are told.
func (t *tracker) end(ctx context.Context) error {
	for _, f := range t.files {
		if f.handle != nil && f.facts.links == 0 && !f.atEnd() {
			t.logger.Warn("a file was deleted, and reading ends before everything in it was read",
				zap.String("path", f.path), zap.Int64("bytes", f.facts.size-f.Offset))
		}
		t.close(f)
	}
	return t.kept.save(ctx)
}
