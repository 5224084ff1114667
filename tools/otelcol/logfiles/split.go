package logfiles

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is how a file writes text: UTF-8 unless its first bytes say otherwise.
type encoding string

const (
	utf8Text    encoding = ""
	utf16Little encoding = "utf-16le"
	utf16Big    encoding = "utf-16be"
)

// splitter finds records in the bytes of a file.
type splitter struct {
	maxBytes int
	maxLines int
	// start is found in a record's first line; nil means that each line is a record.
	start *regexp.Regexp
}

// piece is the first record of some bytes.
type piece struct {
	// raw is the record as it is in the file, without its last line's end; empty if there is none.
	raw []byte
	// skip and size: the bytes before raw that hold nothing, and all that the piece takes.
	skip, size int
	// cut is true where a limit and not the file ended the record.
	cut bool
}

// next finds the first record. A size of 0 means that it is not ended yet. With
// final, the end of data ends the last record.
func (s splitter) next(data []byte, enc encoding, final bool) piece {
	skip := blank(data, enc)
	if skip == len(data) {
		return piece{}
	}
	if skip > 0 {
		// Zeros: what a writer that does not append leaves after a truncation.
		rest := s.next(data[skip:], enc, final)
		if rest.size == 0 {
			return piece{}
		}
		rest.skip += skip
		rest.size += skip
		return rest
	}
	if s.start == nil {
		return s.line(data, enc, final)
	}
	position := 0
	for lines := 0; ; lines++ {
		end := lineEnd(data[position:], enc)
		tooLong := end > 0 && position+end > s.maxBytes || end == 0 && len(data) > s.maxBytes
		if end == 0 && final {
			end = len(data) - position
		}
		switch first := lines == 0; {
		case end == 0 && final:
			return piece{raw: data, size: len(data)}
		case first && (tooLong || end > 0 && len(bytes.TrimSpace(plain(data[:end], enc))) == 0):
			// Blank lines before a record are none.
			return s.line(data, enc, final)
		case first && end > 0:
		case end > 0 && s.start.Match(plain(data[position:position+end], enc)):
			return piece{raw: data[:position], size: position}
		case !first && (tooLong || end > 0 && lines >= s.maxLines):
			return piece{raw: data[:position], size: position, cut: true}
		case end == 0:
			return piece{}
		}
		position += end
	}
}

// line takes one line.
func (s splitter) line(data []byte, enc encoding, final bool) piece {
	end := lineEnd(data, enc)
	switch {
	case end > 0 && end <= s.maxBytes+2:
		return piece{raw: data[:end], size: end}
	case len(data) > s.maxBytes:
		at := cutAt(data[:s.maxBytes], enc)
		return piece{raw: data[:at], size: at, cut: true}
	case end == 0 && final:
		return piece{raw: data, size: len(data)}
	}
	return piece{}
}

// lineEnd is where the line after the first one begins, or 0 if the first is not ended.
func lineEnd(data []byte, enc encoding) int {
	if enc == utf8Text {
		return bytes.IndexByte(data, '\n') + 1
	}
	for from := 0; ; {
		at := bytes.IndexByte(data[from:], '\n')
		if at < 0 {
			return 0
		}
		at += from
		if unit := at &^ 1; unit+1 < len(data) && code(data[unit:], enc) == '\n' {
			return unit + 2
		}
		from = at + 1
	}
}

// blank is how many bytes of zeros there are at the beginning.
func blank(data []byte, enc encoding) int {
	n := 0
	for n < len(data) && data[n] == 0 {
		n++
	}
	if enc != utf8Text {
		n &^= 1
	}
	return n
}

// filled is without the zeros at the end: they may be room that a writer has
// taken and not filled yet.
func filled(data []byte, enc encoding) []byte {
	if enc == utf8Text {
		return bytes.TrimRight(data, "\x00")
	}
	n := len(data) &^ 1
	for n > 0 && data[n-1] == 0 && data[n-2] == 0 {
		n -= 2
	}
	return data[:n]
}

// wholeCharacters is without the half of a character at the end, whose other
// half is not written yet.
func wholeCharacters(data []byte, enc encoding) []byte {
	n := len(data)
	if enc != utf8Text {
		if n &^= 1; n > 0 && code(data[n-2:], enc)&0xfc00 == 0xd800 {
			n -= 2
		}
		return data[:n]
	}
	for back := 1; back < utf8.UTFMax && back <= n; back++ {
		if utf8.RuneStart(data[n-back]) {
			if !utf8.FullRune(data[n-back:]) {
				return data[:n-back]
			}
			break
		}
	}
	return data
}

// cutAt is where to cut what is too long: between words, and not within or
// beside digits if that is possible, as what is cut in two can be found by no
// redaction.
func cutAt(data []byte, enc encoding) int {
	if enc != utf8Text {
		return len(wholeCharacters(data, enc))
	}
	const far, near = 4096, 24
	digits := func(part []byte) bool { return bytes.ContainsAny(part, "0123456789") }
	space := 0
	for at := len(data) - near; at > max(near, len(data)-far); at-- {
		if data[at-1] != ' ' && data[at-1] != '\n' && data[at-1] != '\t' {
			continue
		}
		if space == 0 {
			space = at
		}
		if !digits(data[at-near : at+near]) {
			return at
		}
	}
	at := len(data)
	for at > len(data)-near && bytes.IndexByte([]byte("0123456789 .-"), data[at-1]) >= 0 {
		at--
	}
	if at < len(data) && at > len(data)-near {
		return at
	}
	if space > 0 {
		return space
	}
	return len(wholeCharacters(data, enc))
}

func code(data []byte, enc encoding) uint16 {
	if enc == utf16Big {
		return uint16(data[0])<<8 | uint16(data[1])
	}
	return uint16(data[1])<<8 | uint16(data[0])
}

// plain is the text in UTF-8, as expressions are matched with it.
func plain(data []byte, enc encoding) []byte {
	if enc == utf8Text {
		return bytes.TrimRight(data[blank(data, enc):], "\r\n")
	}
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) > 1; data = data[2:] {
		units = append(units, code(data, enc))
	}
	return bytes.TrimRight([]byte(string(utf16.Decode(units))), "\r\n")
}

const mark8 = "\uFEFF"

// text is a record as it is handed on: without a byte-order mark, line ends of
// one kind, nothing blank at the end; what is no UTF-8 is replaced. Indentation stays.
func text(raw []byte, enc encoding) (found string, replaced bool) {
	if enc != utf8Text {
		raw = plain(raw, enc)
	}
	raw = bytes.TrimPrefix(raw, []byte(mark8))
	raw = bytes.TrimRight(raw, " \t\r\n\x00")
	if bytes.IndexByte(raw, '\n') >= 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
		if bytes.Contains(raw, []byte("\n\x00")) {
			lines := bytes.Split(raw, []byte("\n"))
			for i, line := range lines {
				lines[i] = line[blank(line, utf8Text):]
			}
			raw = bytes.Join(lines, []byte("\n"))
		}
	}
	if !utf8.Valid(raw) {
		return strings.ToValidUTF8(string(raw), "\uFFFD"), true
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return "", false
	}
	return string(raw), false
}
