package scrub

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLayers bounds how often a text is decoded: a URL inside JSON inside a
// string of JSON is three.
const maxLayers = 3

// escapes are the characters with which an escape begins.
const escapes = `%\&`

// layers looks at a text as whoever reads it later may: with the escapes of
// URLs (%40), of JSON and source code (\u002d, \n) and of HTML (&#45;) decoded,
// and what these were hiding decoded again. Each layer remembers where in the
// original text its pieces come from.
type layers struct {
	text string
	// from[i] is where in the original the byte i comes from, with one more entry
	// for the end; nil stands for the same place.
	from  []int
	depth int
}

func newLayers(text string) layers { return layers{text: text} }

// layersOf is the text decoded so often.
func layersOf(text string, depth int) layers {
	l := newLayers(text)
	for l.depth < depth && l.peel() {
	}
	return l
}

// peel decodes once more; false when there is nothing more to decode.
func (l *layers) peel() bool {
	if l.depth == maxLayers || !strings.ContainsAny(l.text, escapes) {
		return false
	}
	l.depth++
	var out strings.Builder
	var from []int
	copied := 0
	for at := 0; at < len(l.text); {
		next := strings.IndexAny(l.text[at:], escapes)
		if next < 0 {
			break
		}
		at += next
		decoded, width := unescape(l.text[at:])
		if width == 0 {
			at++
			continue
		}
		if from == nil {
			from = make([]int, 0, len(l.text))
			out.Grow(len(l.text))
		}
		for i := copied; i < at; i++ {
			from = append(from, l.origin(i))
		}
		out.WriteString(l.text[copied:at])
		out.WriteString(decoded)
		for range len(decoded) {
			from = append(from, l.origin(at))
		}
		at += width
		copied = at
	}
	if from == nil {
		return false
	}
	for i := copied; i <= len(l.text); i++ {
		from = append(from, l.origin(i))
	}
	out.WriteString(l.text[copied:])
	l.text, l.from = out.String(), from
	return true
}

func (l *layers) origin(at int) int {
	if l.from == nil {
		return at
	}
	return l.from[at]
}

// outer tells where spans of the decoded text stand in the original one. A span
// never ends inside an escape: what was decoded together goes together.
func (l *layers) outer(spans []span) []span {
	found := make([]span, 0, len(spans))
	for _, inner := range spans {
		end := inner.end
		for end < len(l.text) && l.from[end] == l.from[end-1] {
			end++
		}
		outer := span{l.from[inner.start], l.from[end]}
		if last := len(found) - 1; last >= 0 && outer.start < found[last].end {
			found[last].end = max(found[last].end, outer.end)
			continue
		}
		found = append(found, outer)
	}
	return found
}

// unescape decodes the escape at the start of the text; width 0 where none is.
func unescape(text string) (decoded string, width int) {
	if len(text) < 2 {
		return "", 0
	}
	switch text[0] {
	case '%':
		if value, ok := hex(text[1:], 2); ok {
			return string([]byte{byte(value)}), 3
		}
	case '\\':
		switch text[1] {
		case '\\', '/', '"', '\'':
			return text[1:2], 2
		case 'n', 'r', 't', 'b', 'f':
			return " ", 2
		case 'x':
			if value, ok := hex(text[2:], 2); ok {
				return string([]byte{byte(value)}), 4
			}
		case 'u':
			if value, ok := hex(text[2:], 4); ok {
				return string(rune(value)), 6
			}
		case 'U':
			if value, ok := hex(text[2:], 8); ok && value <= utf8.MaxRune {
				return string(rune(value)), 10
			}
		}
	case '&':
		return entity(text)
	}
	return "", 0
}

// entity decodes `&#45;`, `&#x2d;` and the few names that could stand in what is looked for.
func entity(text string) (string, int) {
	end := strings.IndexByte(text[:min(len(text), 12)], ';')
	if end < 0 {
		return "", 0
	}
	name := text[1:end]
	switch name {
	case "nbsp":
		return " ", end + 1
	case "amp":
		return "&", end + 1
	case "commat":
		return "@", end + 1
	}
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		return "", 0
	}
	base := 10
	if rest, isHex := strings.CutPrefix(strings.ToLower(number), "x"); isHex {
		number, base = rest, 16
	}
	value, err := strconv.ParseUint(number, base, 32)
	if err != nil || value > utf8.MaxRune {
		return "", 0
	}
	return string(rune(value)), end + 1
}

func hex(text string, digits int) (uint64, bool) {
	if len(text) < digits {
		return 0, false
	}
	value, err := strconv.ParseUint(text[:digits], 16, 32)
	return value, err == nil && text[0] != '+' && text[0] != '-'
}
