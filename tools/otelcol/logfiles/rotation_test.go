package logfiles

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var banner = strings.Repeat("# Licensed under the Apache License, Version 2.0\n", 40)

func bannerLines(times int) []string {
	var lines []string
	for range times {
		lines = append(lines, strings.Split(strings.TrimSpace(banner), "\n")...)
	}
	return lines
}

func TestFilesThatBeginAlikeAreBothRead(t *testing.T) {
	h := newHost(t, "*.log").start()
	h.write("a.log", banner+"from a\nsame\n")
	h.write("b.log", banner+"from b\nsame\n")
	h.write("c.log", banner)
	h.poll()
	h.write("c.log", "from c\nsame\n")
	h.write("d.log", banner+"from d\nsame\n")
	h.poll()
	h.wants(append(bannerLines(4), "from a", "from b", "from c", "from d", "same", "same", "same", "same")...)
}

func TestARotatedFileThatStartsWithTheSameBannerIsReadOnAndAnew(t *testing.T) {
	for _, rotated := range []string{"x.log.1", "x.log-20261125", "x.log-20261125-1764062400", "x-2026-11-25.log", "x.log.2026-11-25T10:00", "x.log.old", "x.2026-11-25.0.log"} {
		t.Run(rotated, func(t *testing.T) {
			h := newHost(t, "x.log").start()
			h.write("x.log", banner+"one\n")
			h.poll()
			h.write("x.log", "two\n")
			h.rename("x.log", rotated)
			h.write(rotated, "three\n")
			h.write("x.log", banner+"four\n")
			h.poll()
			h.write(rotated, "five\n")
			h.poll()
			h.stop()
			h.start()
			h.write(rotated, "six\n")
			h.poll()
			h.wants(append(bannerLines(2), "one", "two", "three", "four", "five", "six")...)
			if h.sink.again > 0 {
				t.Errorf("%d lines were read again", h.sink.again)
			}
		})
	}
}

func TestRotationsWhileNobodyReadsLoseNothing(t *testing.T) {
	for name, shift := range map[string]func(*host, int){
		"numbers": func(h *host, n int) {
			for old := n; old > 0; old-- {
				h.rename("x.log."+string(rune('0'+old)), "x.log."+string(rune('1'+old)))
			}
			h.rename("x.log", "x.log.1")
		},
		"dateext":    func(h *host, n int) { h.rename("x.log", "x.log-2026112"+string(rune('0'+n))) },
		"before ext": func(h *host, n int) { h.rename("x.log", "x-2026-11-2"+string(rune('0'+n))+".log") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "x.log").start()
			h.write("x.log", banner)
			h.poll()
			h.crash()
			h.write("x.log", "0\n")
			want := append(bannerLines(4), "0")
			for n := range 3 {
				shift(h, n)
				time.Sleep(15 * time.Millisecond) // the file system's clock
				line := string(rune('1' + n))
				h.write("x.log", banner+line+"\n")
				want = append(want, line)
			}
			h.start()
			h.poll()
			h.later(time.Minute)
			h.wants(want...)
		})
	}
}

func TestARotatedFileIsReadToItsEndWhateverBecomesOfItsName(t *testing.T) {
	for name, away := range map[string]func(h *host){
		"deleted":     func(h *host) { h.must(os.Remove(h.path("x.log"))) },
		"moved":       func(h *host) { h.must(os.Rename(h.path("x.log"), t.TempDir()+"/elsewhere")) },
		"compressed":  func(h *host) { h.write("x.log.1.gz", "\x1f\x8b\x08\x00\n"); h.must(os.Remove(h.path("x.log"))) },
		"bak by hand": func(h *host) { h.rename("x.log", "kept by hand") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "x.log").start()
			h.write("x.log", "one\n")
			h.poll()
			h.write("x.log", "two\n")
			away(h)
			h.write("x.log", "three\n")
			h.poll()
			h.wants("one", "two", "three")
			h.later(2 * linger)
			h.poll()
			if files := h.metric("files", ""); files != 1 && name != "compressed" {
				t.Errorf("%d files are followed", files)
			}
		})
	}
}

func TestCopytruncateStoresEachLineOnce(t *testing.T) {
	for _, rotated := range []string{"x.log.1", "x.log-20261125", "x-20261125.log"} {
		t.Run(rotated, func(t *testing.T) {
			h := newHost(t, "x.log").start()
			lines, text := numbered("before", 0, 100)
			h.write("x.log", text)
			h.poll()
			h.write("x.log", "not read yet\n")
			h.copy("x.log", rotated)
			h.truncate("x.log")
			h.write("x.log", "after\n")
			h.poll()
			h.later(2 * time.Minute)
			want := append(slices.Clone(lines), "not read yet", "after")
			h.wants(want...)
			h.crash()
			h.start().poll()
			h.later(2 * time.Minute)
			h.wants(want...)
			if lost := h.metric("lost_bytes", ""); lost != 0 || h.sink.again != 0 {
				t.Errorf("lost %d bytes, read %d lines again", lost, h.sink.again)
			}
		})
	}
}

func TestACopyIsKnownWhenItIsSeenBeforeTheTruncation(t *testing.T) {
	h := newHost(t, "x.log").start()
	lines, text := numbered("before", 0, 3000)
	h.write("x.log", text)
	h.poll()
	half := len(text) / 2
	h.must(os.WriteFile(h.path("x.log.1"), []byte(text[:half]), 0o600))
	h.poll()
	h.write("x.log.1", text[half:])
	h.poll()
	h.write("x.log", "too late for the copy\n")
	h.poll()
	h.truncate("x.log")
	h.write("x.log", "after\n")
	h.poll()
	h.later(time.Minute)
	h.wants(append(lines, "too late for the copy", "after")...)
}

func TestACopyTruncatedWhileNobodyReadsIsReadOn(t *testing.T) {
	h := newHost(t, "x.log").start()
	lines, text := numbered("before", 0, 100)
	h.write("x.log", banner+text)
	h.poll()
	h.crash()
	h.write("x.log", "written meanwhile\n")
	h.copy("x.log", "x.log.1")
	h.truncate("x.log")
	h.write("x.log", banner+"after\n")
	h.start().poll()
	h.wants(append(append(bannerLines(2), lines...), "written meanwhile", "after")...)
	if h.sink.again > 0 {
		t.Errorf("%d lines were read again", h.sink.again)
	}
}

func TestAFileTruncatedAndWrittenBeyondItsOldSizeBeginsAnew(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.write("x.log", "short\n")
	h.poll()
	h.truncate("x.log")
	_, text := numbered("long", 0, 10)
	h.write("x.log", text)
	h.poll()
	h.crash()
	h.truncate("x.log")
	h.write("x.log", "other\n"+text)
	h.start().poll()
	lines, _ := numbered("long", 0, 10)
	h.wants(append(append(slices.Clone(lines), lines...), "short", "other")...)
}

func TestAFileThatLosesAnUnreadLineAtItsEndIsNotReadAgain(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.write("x.log", "one\ntwo\n")
	h.poll()
	h.write("x.log", "half a line")
	h.poll()
	h.must(os.Truncate(h.path("x.log"), 8))
	h.write("x.log", "three\n")
	h.poll()
	h.wants("one", "two", "three")
}

func TestWhatATruncationTookAwayIsCounted(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.write("x.log", "one\n")
	h.poll()
	h.sink.shut = true
	h.write("x.log", "never read\n")
	h.reader.tracker.scan()
	h.truncate("x.log")
	h.sink.shut = false
	h.poll()
	h.write("x.log", "two\n")
	h.later(2 * linger)
	h.wants("one", "two")
	if lost := h.metric("lost_bytes", ""); lost != 11 {
		t.Errorf("lost_bytes is %d, want 11", lost)
	}
}

func TestAWriterThatDoesNotAppendLeavesNoZeros(t *testing.T) {
	for _, size := range []int{100, 300_000, 3_000_000} {
		h := newHost(t, "x.log").start()
		file, err := os.Create(h.path("x.log"))
		h.must(err)
		defer file.Close()
		_, err = file.WriteString(strings.Repeat("x", min(size, 1000)) + "\n")
		h.must(err)
		_, err = file.Seek(int64(size), 0)
		h.must(err)
		h.poll()
		h.truncate("x.log")
		_, err = file.WriteString("after\n  more\n")
		h.must(err)
		h.poll()
		h.wants(strings.Repeat("x", min(size, 1000)), "after", "  more")
		h.crash()
		h.start()
		_, err = file.WriteString("end\n")
		h.must(err)
		h.poll()
		h.wants(strings.Repeat("x", min(size, 1000)), "after", "  more", "end")
	}
}

func TestRoomThatAWriterTookAndFillsLaterIsReadWhenItIsFilled(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.must(os.WriteFile(h.path("x.log"), make([]byte, 2_000_000), 0o600))
	h.poll()
	file, err := os.OpenFile(h.path("x.log"), os.O_WRONLY, 0)
	h.must(err)
	defer file.Close()
	want := []string{}
	for _, line := range []string{"one", "two", "three"} {
		_, err := file.WriteString(line + "\n")
		h.must(err)
		h.must(os.Chtimes(h.path("x.log"), time.Time{}, h.clock.Add(time.Second)))
		h.poll()
		h.later(time.Minute)
		want = append(want, line)
		h.wants(want...)
	}
}

func TestAFileWithTheNumberOfADeletedOneIsAnother(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.write("x.log", banner)
	h.poll()
	h.stop()
	h.must(os.Remove(h.path("x.log")))
	h.write("x.log", banner+"new\n")
	h.start().poll()
	h.wants(append(bannerLines(2), "new")...)
}

func TestACopyByHandIsNotTheFile(t *testing.T) {
	h := newHost(t, "*").start()
	h.write("a", "one\ntwo\n")
	h.poll()
	h.copy("a", "b")
	h.write("a", "three\n")
	h.write("b", "other\n")
	h.poll()
	h.wants("one", "two", "three", "one", "two", "other")
}

func TestNamesOfOthersAreNoRotation(t *testing.T) {
	h := newHost(t, "cart.log").start()
	h.write("cart-2.log", "another service\n")
	h.write("cart-2025-01-01.log", "before the first start\n")
	time.Sleep(15 * time.Millisecond)
	h.write("cart.log", "mine\n")
	h.write("cart.log.bak-of-me", "by hand\n")
	h.write("cartoon.log.1", "another\n")
	h.write("cart.log.1", "rotated\n")
	h.poll()
	h.wants("mine", "rotated")
}
