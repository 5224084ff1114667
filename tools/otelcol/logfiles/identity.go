package logfiles

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// inode is how the system tells files apart while they exist.
type inode struct{ Device, Number uint64 }

// state is what is remembered of a file, on disk too.
type state struct {
	// ID is random, made at first sight, and part of each of its lines' ids.
	ID string `json:"id"`
	// Inode, and Born, when it was made (nanoseconds, 0 if the file system does not say): a number that
	// is used again belongs to a file that was made later.
	Inode inode `json:"inode"`
	Born  int64 `json:"born,omitempty"`
	// Path is its last name.
	Path string `json:"path"`
	// Offset is where the first line begins that was not handed on.
	Offset int64 `json:"offset"`
	// Cut is where a record is ended that waited too long for its end. It is kept before the record is
	// handed on, so that reading again gives the same record.
	Cut int64 `json:"cut,omitempty"`
	// Head is what the file begins with, Marks what stands before the last few offsets: by them it is
	// known again, and so is a copy of it.
	Head  mark     `json:"head"`
	Marks []mark   `json:"marks,omitempty"`
	Text  encoding `json:"text,omitempty"`
	// Ended: the file was truncated, and what it held is this state's no more, unless a copy of it is found.
	Ended bool `json:"ended,omitempty"`
	// Gone is since when there is no such file (seconds).
	Gone int64 `json:"gone,omitempty"`

	// unread is how many bytes were in the file, and not read, when it was truncated.
	unread int64
	// flying: lines of it are on their way, so that nothing may be made of it now.
	flying bool
	// saved: the state is on disk, so that the file's lines may be handed on.
	saved bool
}

// mark is a digest of some bytes that end at End.
type mark struct {
	End int64  `json:"end"`
	Len int    `json:"len"`
	Sum string `json:"sum,omitempty"`
}

const (
	markSize  = 256
	marksKept = 4
)

func newState(path string, node inode, born int64) *state {
	return &state{ID: rand.Text()[:20], Inode: node, Born: born, Path: path}
}

func digest(end int64, data []byte) mark {
	sum := sha256.Sum256(data)
	return mark{End: end, Len: len(data), Sum: hex.EncodeToString(sum[:8])}
}

// is tells whether a file has at this place what the mark was made of.
func (m mark) is(file io.ReaderAt) bool {
	if m.Len == 0 {
		return true
	}
	data := make([]byte, m.Len)
	if n, _ := file.ReadAt(data, m.End-int64(m.Len)); n < m.Len {
		return false
	}
	return digest(m.End, data) == m
}

// advance notes that everything before the mark was handed on.
func (s *state) advance(to mark, head mark) {
	s.unread = max(0, s.unread-(to.End-s.Offset))
	s.Offset = to.End
	if s.Cut <= s.Offset {
		s.Cut = 0
	}
	if head.Len > s.Head.Len {
		s.Head = head
	}
	s.Marks = append(s.Marks, to)
	if extra := len(s.Marks) - marksKept; extra > 0 {
		s.Marks = slices.Delete(s.Marks, 0, extra)
	}
}

func (s *state) last() mark {
	if len(s.Marks) == 0 {
		return mark{}
	}
	return s.Marks[len(s.Marks)-1]
}

// intact tells whether a file still holds what was read from it.
func (s *state) intact(file io.ReaderAt, size int64) bool {
	return size >= s.Offset && s.last().is(file) && s.Head.is(file)
}

// copied tells whether a file begins with what was read by this state, and up to
// which of the marks. Of the marks within the file the last one must be right:
// what begins alike is no copy.
func (s *state) copied(file io.ReaderAt, size int64) (kept []mark, ok bool) {
	if s.Head.Len == 0 || int64(s.Head.Len) <= size && !s.Head.is(file) {
		return nil, false
	}
	for i := len(s.Marks) - 1; i >= 0; i-- {
		if s.Marks[i].End <= size {
			return s.Marks[:i+1], s.Marks[i].is(file)
		}
	}
	return nil, false
}

// lineID identifies a record for good: by file, place and text, so that reading
// it again gives the same, and an equal line elsewhere another.
func (s *state) lineID(offset int64, raw []byte) string {
	sum := sha256.New()
	sum.Write([]byte(s.ID))
	var place [9]byte
	binary.BigEndian.PutUint64(place[1:], uint64(offset))
	sum.Write(place[:])
	sum.Write(raw)
	var out [sha256.Size]byte
	return hex.EncodeToString(sum.Sum(out[:0])[:16])
}

// facts are what the system says of an open file or a path.
type facts struct {
	inode
	size, changed, links int64
	kind                 os.FileMode
}

func factsOf(info os.FileInfo) facts {
	found := facts{size: info.Size(), changed: info.ModTime().UnixNano(), kind: info.Mode().Type(), links: 1}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		found.inode = inode{uint64(stat.Dev), stat.Ino}
		found.links = int64(stat.Nlink)
	}
	return found
}

// born is when an open file was made, or 0.
func born(file *os.File) int64 {
	var stat unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &stat); err != nil ||
		stat.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return stat.Btime.Sec*1e9 + int64(stat.Btime.Nsec)
}
