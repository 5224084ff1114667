package logfiles

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What people report of what stands where files should. Each test names a report.

// elastic/beats#18682, #12988, fluent/fluent-bit#6829: pipes, sockets and folders that a glob matches stop nothing.
func TestWhatIsNoFileStopsNothing(t *testing.T) {
	h := newHost(t, "*.log", "socket", "device").start()
	h.must(syscall.Mkfifo(h.path("pipe.log"), 0o600))
	h.must(os.Mkdir(h.path("folder.log"), 0o700))
	h.must(os.Symlink("/dev/zero", h.path("device")))
	h.must(os.Symlink("/dev/full", h.path("device.log")))
	t.Chdir(h.dir) // a socket's path may not be long
	for _, name := range []string{"socket", "socket.log"} {
		listener, err := net.Listen("unix", name)
		h.must(err)
		defer listener.Close()
	}
	h.write("x.log", "one\n")
	h.poll()
	h.wants("one")
	if special := h.metric("unreadable_files", special); special != 2 {
		t.Errorf("%d of what is named is told, want 2", special)
	}
	// What was a pipe becomes a file, and the other way.
	h.must(os.Remove(h.path("pipe.log")))
	h.write("pipe.log", "a file now\n")
	h.write("x.log", "two\n")
	h.must(os.Remove(h.path("x.log")))
	h.must(syscall.Mkfifo(h.path("x.log"), 0o600))
	h.poll()
	h.wants("one", "two", "a file now")
}

// asNobody does something as a user who owns nothing.
func asNobody(t *testing.T, h *host, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	for path := h.dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		h.must(os.Chmod(path, 0o755))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	h.must(syscall.Setfsuid(65534))
	defer func() { h.must(syscall.Setfsuid(0)) }()
	do()
}

// elastic/beats#4309, fluent/fluent-bit#5346, #9352: rights that come and go.
func TestRightsThatComeAndGo(t *testing.T) {
	h := newHost(t, "*.log").start()
	h.write("x.log", "one\n")
	h.write("y.log", "of y 1\n")
	h.must(os.Chmod(h.path("y.log"), 0o644))
	poll := func(later time.Duration) {
		h.t.Helper()
		asNobody(t, h, func() { h.later(later) })
	}
	h.must(os.Chmod(h.path("x.log"), 0))
	poll(0)
	h.wants("of y 1")
	if refused := h.metric("unreadable_files", permission); refused != 1 {
		t.Errorf("%d files may not be read, want 1", refused)
	}
	h.must(os.Chmod(h.path("x.log"), 0o644))
	poll(0)
	h.wants("one", "of y 1")
	poll(time.Hour) // closed
	h.must(os.Chmod(h.path("x.log"), 0))
	h.append("x.log", "two\n")
	poll(0)
	poll(time.Hour)
	h.wants("one", "of y 1")
	h.must(os.Chmod(h.path("x.log"), 0o644))
	h.append("x.log", "three\n")
	poll(0)
	h.wants("one", "two", "three", "of y 1")
	if refused := h.metric("unreadable_files", permission); refused != 0 || h.sink.again > 0 {
		t.Errorf("%d files are told for ever, %d lines were read again", refused, h.sink.again)
	}
}

// fluent/fluent-bit#5346: a folder that may not be entered has no files, and nobody says so.
func TestAFolderThatMayNotBeEnteredIsTold(t *testing.T) {
	for pattern, want := range map[string]int64{"closed/*.log": 1, "**/*.log": 1, "closed/x.log": 1, "*/deep/*.log": 1, "open/*.log": 0, "nowhere/*.log": 0} {
		t.Run(pattern, func(t *testing.T) {
			h := newHost(t, pattern).start()
			h.must(os.MkdirAll(h.path("closed/deep"), 0o755))
			h.must(os.MkdirAll(h.path("open/deep"), 0o755))
			for _, name := range []string{"closed/x.log", "open/x.log", "open/deep/x.log"} {
				h.write(name, name+"\n")
				h.must(os.Chmod(h.path(name), 0o644))
			}
			h.must(os.Chmod(h.path("closed"), 0o700))
			asNobody(t, h, h.poll)
			if os.Geteuid() != 0 {
				return // the owner may
			}
			if refused := h.metric("unreadable_files", permission); refused != want {
				t.Errorf("%d are told, want %d", refused, want)
			}
			h.must(os.Chmod(h.path("closed"), 0o755))
			asNobody(t, h, h.poll)
			if refused := h.metric("unreadable_files", permission); refused != 0 {
				t.Errorf("%d are told for ever", refused)
			}
			want := 0
			for _, name := range []string{"closed/x.log", "open/x.log", "open/deep/x.log"} {
				if ok, _ := filepath.Match(pattern, name); ok || pattern == "**/*.log" {
					want++
				}
			}
			if len(h.sink.stored) != want {
				t.Errorf("%d files were read, want %d", len(h.sink.stored), want)
			}
		})
	}
}

// elastic/beats#2277: links that lead round in a circle, below `**`.
func TestFoldersThatAreLinkedInACircle(t *testing.T) {
	h := newHost(t, "**/*.log").start()
	h.must(os.MkdirAll(h.path("a/b/c"), 0o700))
	h.must(os.MkdirAll(h.path("d"), 0o700))
	for link, to := range map[string]string{"a/up": "..", "a/b/self": ".", "a/b/c/top": "../../..", "d/a": "../a", "a/d": "../d"} {
		h.must(os.Symlink(to, h.path(link)))
	}
	other := t.TempDir()
	h.must(os.Symlink(other, h.path("elsewhere")))
	h.must(os.WriteFile(filepath.Join(other, "z.log"), []byte("linked\n"), 0o600))
	h.write("a/b/x.log", "one\n")
	h.write("d/y.log", "two\n")
	done := make(chan struct{})
	go func() { defer close(done); h.reader.tracker.scan() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("looking for files does not end")
	}
	h.poll()
	h.wants("one", "two", "linked")
}

// A folder that is deleted and made anew (rotation by folder, a container that starts again), and names that
// others find hard: blanks, line ends, no UTF-8, 255 bytes.
func TestFoldersThatAreMadeAnewAndHardNames(t *testing.T) {
	h := newHost(t, "app */**/*.log").start()
	var want []string
	for turn := range 3 {
		h.must(os.MkdirAll(h.path("app ü/in ner"), 0o700))
		for _, name := range []string{"a b.log", "new\nline.log", "no utf8 \xff.log", strings.Repeat("n", 251) + ".log", "-rf.log", "%d.log", ".hidden.log"} {
			line := fmt.Sprintf("%d %.9q", turn, name)
			want = append(want, line)
			h.write("app ü/in ner/"+name, line+"\n")
		}
		h.poll()
		h.must(os.RemoveAll(h.path("app ü")))
		h.poll()
	}
	h.wants(want...)
}

// append writes without making a file, whatever its rights say.
func (h *host) append(name, text string) {
	h.t.Helper()
	info, err := os.Stat(h.path(name))
	h.must(err)
	h.must(os.Chmod(h.path(name), 0o600))
	h.write(name, text)
	h.must(os.Chmod(h.path(name), info.Mode()))
}
