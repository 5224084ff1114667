package logfiles

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What people report of the bytes in log files. Each test names a report.

// open-telemetry/opentelemetry-collector-contrib#44371, #36494, fluent/fluent-bit#370: one line of 10 MB.
func TestALineOfTenMegabytes(t *testing.T) {
	long := strings.Repeat("0123456789abcdefé", 10<<20/18)
	for name, rest := range map[string]string{"ended": "\nafter\n", "not ended": ""} {
		for _, several := range []bool{false, true} {
			t.Run(fmt.Sprint(name, several), func(t *testing.T) {
				h := newHost(t, "x.log")
				if several {
					h.config.Multiline = &Multiline{LineStartPattern: "^(before|after)"}
				}
				h.start()
				h.write("x.log", "before\n"+long+rest)
				h.write("y.log", "beside\n")
				h.poll()
				h.later(time.Minute)
				if found := strings.Join(h.sink.order, ""); found != "before"+long+strings.TrimSpace(rest) {
					t.Errorf("of %d bytes %d are there", len(long)+6+len(rest), len(found))
				}
				for _, line := range h.sink.order {
					if len(line) > h.config.MaxLogSize || !utf8.ValidString(line) || strings.Contains(line, "\uFFFD") {
						t.Errorf("a piece of %d bytes, or a character cut in two", len(line))
					}
				}
				h.poll()
				if unread := h.metric("unread_bytes", ""); unread != 0 {
					t.Errorf("%d bytes are not read", unread)
				}
			})
		}
	}
}

// open-telemetry/opentelemetry-collector-contrib#31512, grafana/alloy#5423, elastic/filebeat#205: a writer with a
// buffer of its own writes half a character, and the rest later than a line is waited for.
func TestHalfACharacterAtTheEndOfAFile(t *testing.T) {
	for name, text := range map[string]string{
		"é": "aé1 b\n", "€": "a€1 b\n", "😀": "a😀1 b\n",
		"UTF-16": utf16le("\uFEFFab and more\nGr😀ß\n"), "UTF-16, big end": utf16be("\uFEFFab and more\nGr😀ß\n"),
	} {
		for at := 1; at < len(text); at++ {
			for _, down := range []bool{false, true} {
				h := newHost(t, "x.log").start()
				h.write("x.log", text[:at])
				h.poll()
				h.later(time.Minute)
				h.later(time.Minute)
				if down {
					h.crash()
					h.start()
				}
				h.write("x.log", text[at:])
				h.poll()
				h.later(time.Minute)
				all := strings.Join(h.sink.order, "")
				want := strings.ReplaceAll(strings.TrimPrefix(decoded(text), "\uFEFF"), "\n", "")
				if strings.ReplaceAll(all, " ", "") != strings.ReplaceAll(want, " ", "") {
					t.Errorf("%s, cut at %d, down %v: %q", name, at, down, h.sink.order)
				}
			}
		}
	}
}

func utf16be(text string) string {
	raw := []byte(utf16le(text))
	for i := 0; i+1 < len(raw); i += 2 {
		raw[i], raw[i+1] = raw[i+1], raw[i]
	}
	return string(raw)
}

func decoded(text string) string {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"):
		return string(plain([]byte(text), utf16Little))
	case strings.HasPrefix(text, "\xfe\xff"):
		return string(plain([]byte(text), utf16Big))
	}
	return text
}

// A line in an old encoding that ends with what would begin a character in UTF-8 is not waited for once it is ended.
func TestTextThatIsNoUTF8IsNotHeldBack(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.write("x.log", "caf\xe9\nGr\xfcn")
	h.poll()
	h.later(time.Minute)
	h.wants("caf\uFFFD", "Gr\uFFFDn")
}

// grafana/loki#6235, fluent/fluent-bit#9321: SQL Server's logs, UTF-16, written on, room in front of the end.
func TestUTF16IsFollowed(t *testing.T) {
	for name, encode := range map[string]func(string) string{"little": utf16le, "big": utf16be} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "ERRORLOG").start()
			h.write("ERRORLOG", encode("\uFEFF2026-11-25 Server Größe\r\n"))
			h.poll()
			h.write("ERRORLOG", encode("second\r\n")+"\x00\x00\x00\x00")
			h.poll()
			h.later(time.Minute)
			saves := h.store.saves
			h.later(time.Minute)
			h.later(time.Minute)
			if h.store.saves > saves {
				t.Errorf("a file in which nothing happens was noted %d times", h.store.saves-saves)
			}
			h.crash()
			h.start()
			h.write("ERRORLOG", encode("third\r\n"))
			h.poll()
			h.later(time.Minute)
			h.wants("2026-11-25 Server Größe", "second", "third")
			h.truncate("ERRORLOG")
			h.write("ERRORLOG", encode("\uFEFFanew\r\n"))
			h.poll()
			h.wants("2026-11-25 Server Größe", "second", "third", "anew")
		})
	}
}

// grafana/alloy#4794: line ends of Windows, in pieces.
func TestLineEndsInPieces(t *testing.T) {
	h := newHost(t, "x.log").start()
	for _, piece := range []string{"one\r", "\ntwo\r\n", "three", "\r", "\n", "\r\n\r\n", "progress 1\rprogress 2\r\n"} {
		h.write("x.log", piece)
		h.poll()
	}
	h.write("x.log", "late\r")
	h.poll()
	h.later(time.Minute)
	h.write("x.log", "\nfour\r\n")
	h.poll()
	h.wants("one", "two", "three", "progress 1\rprogress 2", "late", "four")
}

// fluent/fluent-bit#427, #3117, logrotate/logrotate#286: zeros within a line, between lines, and a hole of gigabytes.
func TestZerosInAFile(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.write("x.log", "first\na\x00b\n\x00\x00\x00second\n")
	file, err := os.OpenFile(h.path("x.log"), os.O_WRONLY, 0)
	h.must(err)
	defer file.Close()
	_, err = file.Seek(5<<30, 0)
	h.must(err)
	_, err = file.WriteString("after five gigabytes of nothing\n")
	h.must(err)
	began := time.Now()
	h.poll()
	h.wants("first", "a\x00b", "second", "after five gigabytes of nothing")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the hole took %s", took)
	}
}

// open-telemetry/opentelemetry-collector-contrib#4849, fluent/fluentd#1740, FLUME-3235: the last line has no end, and
// reading stops.
func TestALineWithoutAnEndWhenReadingStops(t *testing.T) {
	for name, end := range map[string]func(*host){"stop": (*host).stop, "kill": (*host).crash} {
		for _, rest := range []string{"", " and its end\n"} {
			h := newHost(t, "x.log").start()
			h.write("x.log", "one\nhalf")
			h.poll()
			end(h)
			h.write("x.log", rest)
			h.start().poll()
			h.later(time.Minute)
			h.wants("one", strings.TrimSpace("half"+rest))
			if h.sink.again > 0 {
				t.Errorf("%s: read again", name)
			}
		}
	}
}

// A line that is written a character at a time, faster than it is waited for, is one.
func TestALineThatIsWrittenSlowlyIsOne(t *testing.T) {
	h := newHost(t, "x.log").start()
	for _, c := range "slowly, but 😀 steadily\n" {
		h.write("x.log", string(c))
		h.later(h.config.ForceFlushPeriod / 2)
	}
	h.wants("slowly, but 😀 steadily")
}
