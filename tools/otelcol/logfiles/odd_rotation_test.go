package logfiles

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// What people report of files that are rotated, truncated, linked and moved under other log shippers. Each
// test names a report.

// open-telemetry/opentelemetry-collector-contrib#43693, elastic/beats#39731: what comes after a truncation has
// the bytes of what was there before.
func TestAFileRegrownWithTheSameBytesBeforeTheOffset(t *testing.T) {
	for name, again := range map[string]string{
		"other beginning":          "start 2\n" + strings.Repeat("tick\n", 100),
		"other beginning, longer":  "start 2\n" + strings.Repeat("tick\n", 200),
		"the same beginning":       "start 1\n" + strings.Repeat("tick\n", 60) + "other\n" + strings.Repeat("tick\n", 39),
		"smaller":                  "start 1\n" + strings.Repeat("tick\n", 50),
		"as long, but other lines": "start 1\n" + strings.Repeat("tock\n", 100),
	} {
		for _, down := range []bool{false, true} {
			t.Run(fmt.Sprint(name, down), func(t *testing.T) {
				h := newHost(t, "x.log").start()
				first := "start 1\n" + strings.Repeat("tick\n", 100)
				h.write("x.log", first)
				h.poll()
				if down {
					h.crash()
				}
				h.truncate("x.log")
				h.write("x.log", again)
				if down {
					h.start()
				}
				h.poll()
				if name == "the same beginning" {
					again = strings.ReplaceAll(again, "other\n", "") // see the how-to: no digest covers this place
					h.atLeast(first)
					return
				}
				h.wants(strings.Split(strings.TrimSpace(first+again), "\n")...)
			})
		}
	}
}

// vectordotdev/vector#15885: deleted and written anew at once, again and again; elastic/beats#1341,
// vectordotdev/vector#25079: the new file has the number of the old one.
func TestAFileThatIsDeletedAndWrittenAnewAgainAndAgain(t *testing.T) {
	h := newHost(t, "x.log").start()
	var want []string
	for turn := range 20 {
		for line := range 3 {
			text := fmt.Sprintf("turn %d line %d", turn, line)
			want = append(want, text)
			h.write("x.log", text+"\n")
		}
		h.poll()
		late := fmt.Sprintf("turn %d, before it goes", turn)
		want = append(want, late)
		h.write("x.log", late+"\n")
		h.must(os.Remove(h.path("x.log")))
		if turn%5 == 4 {
			h.poll()
			h.crash()
			h.start()
		}
	}
	h.poll()
	h.wants(want...)
}

// elastic/beats#1341, #38070 where the file system does not say when a file was made.
func TestANumberThatIsUsedAgainWhereNoFileHasATimeOfBirth(t *testing.T) {
	h := newHost(t, "*.log").start()
	h.write("a.log", "of a 1\nof a 2\n")
	h.poll()
	h.stop()
	h.must(os.Remove(h.path("a.log")))
	for number := range 5 { // one of them gets the number
		h.write(fmt.Sprintf("b%d.log", number), fmt.Sprintf("of b %d, longer than what was in a\n", number))
	}
	h.editStates(func(s *state) { s.Born = 0 })
	h.start().poll()
	want := []string{"of a 1", "of a 2"}
	for number := range 5 {
		want = append(want, fmt.Sprintf("of b %d, longer than what was in a", number))
	}
	h.wants(want...)
}

// elastic/beats#36541, #40056: after a reboot, or on NFS after a mount, the same files are on another device.
func TestADeviceThatHasAnotherNumberAfterAMount(t *testing.T) {
	h := newHost(t, "*.log").start()
	h.write("x.log", banner+"one\n")
	h.write("y.log", banner+"two\n")
	h.poll()
	h.write("x.log", "three\n")
	h.stop()
	h.editStates(func(s *state) { s.Inode.Device += 7; s.Born = 0 })
	h.rename("x.log", "x.log.1")
	h.write("x.log", banner+"four\n")
	h.start().poll()
	h.wants(append(bannerLines(3), "one", "two", "three", "four")...)
	if h.sink.again > 0 {
		t.Errorf("%d lines were read again", h.sink.again)
	}
}

// fluent/fluent-bit#2110, #1712, fluent/fluentd-kubernetes-daemonset#465: links to files that are rotated where
// no glob looks, more than once while nobody reads.
func TestLinksToFilesThatAreRotatedElsewhereAsKubernetesDoes(t *testing.T) {
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprint("down ", down), func(t *testing.T) {
			h := newHost(t, "containers/*.log")
			h.must(os.MkdirAll(h.path("pods/shop/cart"), 0o700))
			h.must(os.MkdirAll(h.path("containers"), 0o700))
			h.must(os.Symlink(h.path("pods/shop/cart/0.log"), h.path("containers/cart.log")))
			h.start()
			h.write("pods/shop/cart/0.log", "before 1\n")
			h.poll()
			want := []string{"before 1", "before 2"}
			h.write("pods/shop/cart/0.log", "before 2\n")
			if down {
				h.crash()
			}
			for turn := range 3 {
				h.rename("pods/shop/cart/0.log", fmt.Sprintf("pods/shop/cart/0.log.20261125-10000%d", turn))
				line := fmt.Sprintf("after %d", turn)
				h.write("pods/shop/cart/0.log", line+"\n")
				want = append(want, line)
				if !down {
					h.poll()
				}
			}
			h.write("pods/shop/cart/1.log", "of another container start, which the link does not name\n")
			h.write("pods/shop/cart/0.log.20261125-100000.gz", gzipped("before 1\n"))
			if down {
				h.start()
			}
			h.poll()
			h.wants(want...)
			if h.sink.again > 0 {
				t.Errorf("%d lines were read again", h.sink.again)
			}
		})
	}
}

// fluent/fluent-bit#4839: a link to the file of the day, which is set anew at midnight.
func TestALinkThatIsSetToTheNextFile(t *testing.T) {
	h := newHost(t, "current.log").start()
	link := func(to string) {
		h.must(os.Symlink(h.path(to), h.path("new")))
		h.rename("new", "current.log")
	}
	h.write("app-20261125.txt", "one\n")
	link("app-20261125.txt")
	h.poll()
	h.write("app-20261125.txt", "two\n")
	h.write("app-20261126.txt", "three\n")
	link("app-20261126.txt")
	h.poll()
	h.write("app-20261125.txt", "four, after the link was set\n")
	h.poll()
	link("app-20261125.txt")
	h.poll()
	h.wants("one", "two", "three", "four, after the link was set")
}

// elastic/beats#1686, #36253, fluent/fluentd#725: one file under several names.
func TestOneFileUnderSeveralNamesIsReadOnce(t *testing.T) {
	h := newHost(t, "*.log", "x*", "deep/**/*.log").start()
	h.must(os.MkdirAll(h.path("deep/er"), 0o700))
	h.write("x.log", "one\n")
	h.must(os.Link(h.path("x.log"), h.path("hard.log")))
	h.must(os.Link(h.path("x.log"), h.path("deep/er/x.log.1")))
	h.must(os.Symlink("x.log", h.path("a-soft.log")))
	h.must(os.Symlink("../../x.log", h.path("deep/er/soft.log")))
	h.poll()
	h.write("hard.log", "two\n")
	h.poll()
	h.must(os.Remove(h.path("x.log")))
	h.write("hard.log", "three\n")
	h.poll()
	h.stop()
	h.write("hard.log", "four\n")
	h.start().poll()
	h.wants("one", "two", "three", "four")
	if files := h.metric("files", ""); files != 1 {
		t.Errorf("%d files are followed", files)
	}
}

// elastic/beats#1281: renamed from what one pattern matches to what another does, while somebody reads and not.
func TestAFileThatMovesFromOnePatternToAnother(t *testing.T) {
	for _, down := range []bool{false, true} {
		h := newHost(t, "spool/*.tmp", "done/*.log").start()
		h.must(os.MkdirAll(h.path("spool"), 0o700))
		h.must(os.MkdirAll(h.path("done"), 0o700))
		h.write("spool/a.tmp", "one\ntwo\n")
		h.poll()
		h.write("spool/a.tmp", "three\n")
		if down {
			h.stop()
		}
		h.rename("spool/a.tmp", "done/b.log")
		if down {
			h.start()
		}
		h.poll()
		h.write("done/b.log", "four\n")
		h.poll()
		h.wants("one", "two", "three", "four")
	}
}

// vectordotdev/vector#23619: truncated while a batch of it is on its way; nothing is lost, so nothing is told.
func TestAFileThatIsTruncatedWhileItsLinesAreOnTheirWayLosesNone(t *testing.T) {
	for name, copied := range map[string]string{"no copy": "", "a copy": "one\ntwo\n", "a copy that lacks a line": "one\n"} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "x.log").start()
			h.write("x.log", "one\n")
			h.poll()
			h.write("x.log", "two\n")
			h.meanwhile(func() {
				if copied != "" {
					h.must(os.WriteFile(h.path("x.log.1"), []byte(copied), 0o600))
					h.reader.tracker.scan()
				}
				h.truncate("x.log")
				h.reader.tracker.scan()
				h.reader.tracker.scan()
			})
			h.write("x.log", "three\n")
			h.poll()
			h.later(2 * linger)
			h.crash()
			h.start().poll()
			h.wants("one", "two", "three")
			if lost := h.metric("lost_bytes", ""); lost != 0 || h.sink.again > 0 {
				t.Errorf("lost %d bytes, read %d lines again", lost, h.sink.again)
			}
		})
	}
}

// grafana/loki#3914, google/mtail#129: a deleted file that ends in zeros, or in half a line, takes no room for ever.
func TestADeletedFileIsLetGo(t *testing.T) {
	for name, rest := range map[string]string{
		"read to its end": "", "zeros at its end": strings.Repeat("\x00", 5000), "half a line": "half", "half a character": "\xe2\x82",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "x.log").start()
			h.write("x.log", "one\n"+rest)
			h.poll()
			h.must(os.Remove(h.path("x.log")))
			h.later(10 * time.Second)
			h.later(2 * linger)
			h.later(time.Second)
			if files := h.metric("files", ""); files != 0 {
				t.Errorf("%d files are held open", files)
			}
			if strings.HasPrefix(rest, "half") {
				h.wants("one", "half")
			} else {
				h.wants("one")
			}
		})
	}
}

// On NFS a handle goes stale (ESTALE): when the server starts anew, and when another host deletes the file.
func TestAHandleThatGoesStale(t *testing.T) {
	h := newHost(t, "*.log").start()
	h.write("x.log", "one\n")
	h.write("gone.log", "of the other\n")
	h.poll()
	for _, f := range h.reader.tracker.files {
		h.must(f.handle.Close())
	}
	h.write("x.log", "two\n")
	h.write("gone.log", "deleted by another host\n")
	h.poll()
	h.must(os.Remove(h.path("gone.log")))
	h.poll()
	h.poll()
	h.write("x.log", "three\n")
	h.poll()
	h.later(2 * linger)
	h.later(2 * linger)
	h.atLeast("one\ntwo\nthree\nof the other\n")
	if files := h.metric("files", ""); files != 1 {
		t.Errorf("%d files are followed", files)
	}
	if unreadable := h.metric("unreadable_files", failing); unreadable != 0 {
		t.Errorf("%d files are told for ever", unreadable)
	}
}

// meanwhile does something while the pipeline has a batch.
func (h *host) meanwhile(do func()) {
	h.t.Helper()
	h.reader.tracker.scan()
	parts := h.reader.tracker.gather()
	if len(parts) == 0 {
		h.t.Fatal("there is nothing to read")
	}
	h.reader.save(h.t.Context())
	h.reader.deliver(parts, func() bool {
		do()
		h.must(h.sink.consume(h.t.Context(), h.reader.logs(parts, 1)))
		return true
	})
	h.reader.save(h.t.Context())
}

// editStates changes what is on disk.
func (h *host) editStates(change func(*state)) {
	h.t.Helper()
	for _, data := range h.store.data {
		for key, text := range data {
			if !strings.HasPrefix(key, "file/") {
				continue
			}
			var one state
			h.must(json.Unmarshal(text, &one))
			change(&one)
			text, err := json.Marshal(&one)
			h.must(err)
			data[key] = text
		}
	}
}

// atLeast: of a text each line is stored, as often as it stands there, and maybe more.
func (h *host) atLeast(text string) {
	h.t.Helper()
	found := map[string]int{}
	for _, line := range h.sink.stored {
		found[line]++
	}
	for line := range strings.Lines(text) {
		if found[strings.TrimSpace(line)]--; found[strings.TrimSpace(line)] < 0 {
			h.t.Fatalf("%q is not stored, or not often enough", line)
		}
	}
}
