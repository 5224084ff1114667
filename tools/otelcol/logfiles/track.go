package logfiles

import (
	"bytes"
	"context"
	"errors"
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
	// Where the process may open fewer, those that it can, and some less; untilMore later it is tried again.
	leastOpen = 8
	untilMore = 10 * time.Minute
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
	judged  bool   // whether its first bytes were looked at
	waits   bool   // it may become a copy of another file
	tried   int64  // its size when no whole record was found in it
	padded  bool   // nothing but zeros, or half a character, were found then
	broken  bool   // reading it failed
	of      string // the link to the file of which rotation made this one
}

// atEnd: there is nothing in it to be handed on, now.
func (f *file) atEnd() bool {
	return f.reason != "" || f.state != nil && (f.Offset >= f.facts.size || f.padded && f.tried == f.facts.size)
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

	// handles are how many files are open, and most how many may be, which is less since when it was short.
	handles, most int
	short         time.Time
	// crowded: there are files that could not be opened, as too many are.
	crowded bool
}

func newTracker(config *Config, kept *checkpoints, counts *counts, logger *zap.Logger) *tracker {
	t := &tracker{
		config: config, finder: newFinder(config), splitter: config.splitter(), kept: kept, counts: counts,
		logger: logger, files: map[inode]*file{}, followed: map[string]int64{}, told: map[string]string{},
		odd: map[oddity]int64{}, most: mostOpen,
	}
	began := time.Now()
	t.now = steady(began, func() time.Duration { return time.Since(began) })
	for _, s := range kept.states {
		if first, ok := t.followed[s.Path]; !ok || s.Born < first {
			t.followed[s.Path] = s.Born
		}
	}
	return t
}

// steady is a clock that goes on from where it began, whatever is done to the system's.
func steady(began time.Time, elapsed func() time.Duration) func() time.Time {
	return func() time.Time { return began.Add(elapsed()) }
}

// scan looks for files, and at each of them.
func (t *tracker) scan() {
	t.turn++
	t.odd, t.crowded = map[oddity]int64{}, false
	if t.now().Sub(t.short) > untilMore {
		t.most = mostOpen
	}
	var unknown []*file
	opened := map[inode]bool{}
	for _, item := range t.finder.find(t.refuse) {
		info, err := os.Stat(item.path)
		if err != nil {
			t.refuse(item.path, err)
			continue
		}
		now := factsOf(info)
		if !now.kind.IsRegular() {
			t.strange(item, now.kind)
			continue
		}
		if f := t.files[now.inode]; f != nil && f.turn == t.turn || opened[now.inode] {
			continue // a second name of the same file
		}
		if f := t.look(item, now); f != nil {
			opened[f.facts.inode] = true
			unknown = append(unknown, f)
		}
	}
	unknown = t.makeRoom(unknown)
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

// look at a file under the first of its names. One that has to be placed is given back.
func (t *tracker) look(item named, now facts) *file {
	f := t.files[now.inode]
	if f == nil || f.handle == nil && f.changed(now) {
		if f != nil {
			t.leave(f)
		}
		return t.open(item)
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
	return nil
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
	shorter := f.Offset == 0 && now.size < before.size
	if shorter || !f.intact(f.handle, now.size) {
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
	f := &file{path: item.path, of: item.of, turn: t.turn, literal: item.literal, grown: t.now()}
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
	if t.most < mostOpen && t.handles >= t.most {
		t.crowded = true
		t.refuse(item.path, unix.EMFILE) // its turn comes when others are closed
		return nil
	}
	handle, err := os.OpenFile(item.path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		t.refuse(item.path, err)
		t.tooMany(err)
		return nil
	}
	info, err := handle.Stat()
	if err != nil || !info.Mode().IsRegular() || t.files[factsOf(info).inode] != nil {
		_ = handle.Close() // another file took its name just now: the next scan sees it
		return nil
	}
	f.handle, f.facts = handle, factsOf(info)
	t.handles++
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
		if f.waits && rest < copying || !f.waits && (!f.atEnd() && !f.broken || rest < linger) {
			return
		}
	}
	if f.broken && !f.atEnd() {
		t.logger.Warn("a file that could not be read is gone", zap.String("path", f.path),
			zap.Int64("bytes", f.facts.size-f.Offset))
		t.counts.lost(f.facts.size - f.Offset)
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
		t.handles--
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
	for _, f := range t.files {
		// What is new and empty is known again by nothing, and needs not be.
		if f.handle != nil && f.atEnd() && f.turn == t.turn && !f.waits && f.state != nil &&
			(f.saved || f.Offset == 0 || f.reason != "") {
			quiet = append(quiet, f)
		}
	}
	sort.Slice(quiet, func(a, b int) bool { return quiet[a].grown.Before(quiet[b].grown) })
	for _, f := range quiet {
		if t.handles <= t.most && !t.crowded && t.now().Sub(f.grown) < idle {
			break
		}
		t.close(f)
	}
}

// tooMany notes that the process may open no more files. It needs some for other things.
func (t *tracker) tooMany(err error) {
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		t.most, t.short, t.crowded = max(leastOpen, t.handles*3/4), t.now(), true
	}
}

// makeRoom closes what was just opened and is too much. It is found again.
func (t *tracker) makeRoom(unknown []*file) []*file {
	for t.most < mostOpen && t.handles > t.most && len(unknown) > 0 {
		last := len(unknown) - 1
		t.close(unknown[last])
		unknown = unknown[:last]
	}
	return unknown
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
