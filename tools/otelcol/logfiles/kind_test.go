package logfiles

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"
)

func utf16le(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

func gzipped(text string) string {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, _ = writer.Write([]byte(text))
	_ = writer.Close()
	return out.String()
}

func TestCompressedFilesAreNeverText(t *testing.T) {
	h := newHost(t, "*").start()
	files := map[string]string{
		"x.log.1.gz": gzipped("a\n"), "gz without its name": gzipped("b\n"), "x.log.2.xz": "\xfd7zXZ\x00\x00\n\n",
		"xz": "\xfd7zXZ\x00\x00\n\n", "bz2": "BZh91AY&SY\n\n", "zst": "\x28\xb5\x2f\xfd\n\n", "lz4": "\x04\x22\x4d\x18\n",
		"zip": "PK\x03\x04\n", "x.log-20261125.bz2": "\n", "x.log.ZST": "rubbish\n", "x.log.7.lz4": "rubbish\n",
	}
	for name, text := range files {
		h.write(name, text)
	}
	h.write("x.log", "BZh is no archive\n")
	h.write("short", "PK\n")
	h.poll()
	h.later(time.Minute)
	h.wants("BZh is no archive", "PK")
	if skipped := h.metric("skipped_files", compressed); skipped != int64(len(files)) {
		t.Errorf("%d files are skipped as compressed, want %d", skipped, len(files))
	}
}

func TestABinaryFileIsNotReadAndIsSaid(t *testing.T) {
	h := newHost(t, "*.log", "wtmp").start()
	record := append([]byte{7, 0, 0, 0, 41, 3, 0, 0}, []byte("tty1\x00\x00\x00\x00root\x00\x00\x00\x00\x00\x00\n\x00\x01\x00")...)
	h.must(os.WriteFile(h.path("wtmp"), bytes.Repeat(record, 40), 0o600))
	h.must(os.WriteFile(h.path("other.log"), bytes.Repeat(record, 40), 0o600))
	h.write("power.log", "before\n"+strings.Repeat("\x00", 512)+"after\nANSI \x1b[31mred\x1b[0m\ttab\n")
	h.poll()
	h.poll()
	h.wants("before", "after", "ANSI \x1b[31mred\x1b[0m\ttab")
	if unreadable, skipped := h.metric("unreadable_files", binaryData), h.metric("skipped_files", binaryData); unreadable != 1 || skipped != 1 {
		t.Errorf("%d files are unreadable and %d skipped, want 1 and 1", unreadable, skipped)
	}
}

func TestWhatCannotBeReadHarmsNoOther(t *testing.T) {
	h := newHost(t, "*.log", "folder", "pipe", "missing", "nowhere/*.log", "loop").start()
	h.must(os.Mkdir(h.path("folder"), 0o700))
	h.must(os.Mkdir(h.path("d.log"), 0o700))
	h.must(syscall.Mkfifo(h.path("pipe"), 0o600))
	h.must(syscall.Mkfifo(h.path("p.log"), 0o600))
	h.must(os.Symlink(h.path("loop"), h.path("loop")))
	h.must(os.Symlink(h.path("gone"), h.path("dangling.log")))
	h.must(os.Symlink(h.path("good.log"), h.path("second-name.log")))
	h.write("good.log", "good\n")
	h.write("closed.log", "secret\n")
	h.must(os.Chmod(h.path("closed.log"), 0))
	h.poll()
	if os.Geteuid() == 0 {
		h.wants("good", "secret")
	} else {
		h.wants("good")
	}
	for reason, want := range map[string]int64{folder: 1, special: 1, failing: 1} {
		if found := h.metric("unreadable_files", reason); found != want {
			t.Errorf("%d files are unreadable for %s, want %d", found, reason, want)
		}
	}
	h.must(os.Chmod(h.path("closed.log"), 0o600))
	h.poll()
	h.wants("good", "secret")
}

func TestTextIsMadeWhole(t *testing.T) {
	for name, one := range map[string]struct {
		raw  string
		want []string
	}{
		"a byte-order mark":     {"\uFEFFone\ntwo\n", []string{"one", "two"}},
		"a mark in the middle":  {"one\n\uFEFFtwo\n", []string{"one", "two"}},
		"Latin-1":               {"Gr\xfc\xdfe\n", []string{"Gr\uFFFDe"}},
		"half a character":      {"\xe2\x82\n", []string{"\uFFFD"}},
		"line ends of Windows":  {"one\r\n two\r\n\r\n", []string{"one", " two"}},
		"blank lines":           {"\n  \n\t\none\n", []string{"one"}},
		"zeros before a line":   {"one\n\x00\x00\x00two\n", []string{"one", "two"}},
		"UTF-16, little end":    {utf16le("\uFEFFGrüße\r\n€ 😀\n"), []string{"Grüße", "€ 😀"}},
		"UTF-16, Ċ is no end":   {utf16le("\uFEFFaĊb\n"), []string{"aĊb"}},
		"a card in a long line": {strings.Repeat("y", 2000) + " 4111 1111 1111 1111 " + strings.Repeat("y", 2000) + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "x.log")
			h.config.MaxLogSize = 2010
			h.start()
			h.write("x.log", one.raw)
			h.poll()
			if one.want != nil {
				h.wants(one.want...)
			} else if !strings.Contains(strings.Join(h.sink.order, "|"), "4111 1111 1111 1111") {
				t.Errorf("the number was cut: %q", h.sink.order)
			}
		})
	}
}
