package logrecord

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
	// odd is what JSON does not know as a value, such as NaN, 007 or None, and what
	// is nested too deeply or too wide: kept as it was written.
	odd
)

// value is a JSON value that has not lost how it was written.
type value struct {
	kind    kind
	raw     string // as written; for what did not come as JSON, as JSON writes it
	text    string // what a text says
	items   []value
	members []member
}

type member struct {
	key   string
	value value
}

// said is the value as a text: what a text says, all else as written.
func (v value) said() string {
	if v.kind == text {
		return v.text
	}
	return v.raw
}

func textOf(s string) value { return value{kind: text, raw: s, text: s} }

// get finds a member, the last of that name.
func (v value) get(key string) (value, bool) {
	for i := len(v.members) - 1; i >= 0; i-- {
		if v.members[i].key == key {
			return v.members[i].value, true
		}
	}
	return value{}, false
}

const (
	// OpenSearch refuses a record with lists in lists deeper than 20 (index.mapping.depth.limit).
	maxDepth   = 16
	maxMembers = 512
)

// parser reads one JSON object and is as lenient as nothing is lost by it: what
// is odd about one value costs that value, not the line.
type parser struct {
	in string
	at int
}

// parseObject reads a line that is one JSON object and nothing else.
func parseObject(line string) ([]member, bool) {
	p := parser{in: line}
	p.space()
	if p.at >= len(line) || line[p.at] != '{' {
		return nil, false
	}
	found, ok := p.value(0)
	p.space()
	if !ok || found.kind != object || p.at != len(line) {
		return nil, false
	}
	return found.members, true
}

func (p *parser) space() {
	for p.at < len(p.in) {
		switch p.in[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (value, bool) {
	p.space()
	start := p.at
	if p.at >= len(p.in) {
		return value{}, false
	}
	var found value
	ok := true
	switch p.in[p.at] {
	case '{', '[':
		if depth >= maxDepth {
			found.kind, ok = odd, p.skip()
		} else if p.in[p.at] == '{' {
			found.kind = object
			found.members, ok = p.members(depth)
		} else {
			found.kind = array
			found.items, ok = p.items(depth)
		}
	case '"':
		found.kind = text
		found.text, ok = p.text()
	default:
		found.kind, ok = p.token()
	}
	found.raw = p.in[start:p.at]
	return found, ok
}

func (p *parser) members(depth int) ([]member, bool) {
	var found []member
	p.at++
	for {
		p.space()
		if p.at >= len(p.in) {
			return nil, false
		}
		if p.in[p.at] == '}' { // also behind a last comma
			p.at++
			return found, true
		}
		if p.in[p.at] != '"' {
			return nil, false
		}
		key, ok := p.text()
		if !ok {
			return nil, false
		}
		p.space()
		if p.at >= len(p.in) || p.in[p.at] != ':' {
			return nil, false
		}
		p.at++
		item, ok := p.value(depth + 1)
		if !ok || !p.separated('}') {
			return nil, false
		}
		if found == nil {
			found = make([]member, 0, 12)
		}
		found = append(found, member{key, item})
	}
}

func (p *parser) items(depth int) ([]value, bool) {
	var found []value
	p.at++
	for {
		p.space()
		if p.at < len(p.in) && p.in[p.at] == ']' {
			p.at++
			return found, true
		}
		item, ok := p.value(depth + 1)
		if !ok || !p.separated(']') {
			return nil, false
		}
		found = append(found, item)
	}
}

// separated moves past a comma; at the end of the container it stays.
func (p *parser) separated(end byte) bool {
	p.space()
	if p.at >= len(p.in) {
		return false
	}
	if p.in[p.at] == ',' {
		p.at++
		return true
	}
	return p.in[p.at] == end
}

// skip moves past a container without looking what is in it.
func (p *parser) skip() bool {
	open := 0
	for p.at < len(p.in) {
		switch p.in[p.at] {
		case '{', '[':
			open++
		case '}', ']':
			open--
		case '"':
			if _, ok := p.text(); !ok {
				return false
			}
			continue
		}
		p.at++
		if open == 0 {
			return true
		}
	}
	return false
}

// token reads a number or a word; one that JSON does not know is odd.
func (p *parser) token() (kind, bool) {
	start := p.at
	for p.at < len(p.in) && !strings.ContainsRune(",]} \t\r\n", rune(p.in[p.at])) {
		if c := p.in[p.at]; c == '"' || c == ':' || c == '{' || c == '[' || c < ' ' {
			return odd, false
		}
		p.at++
	}
	switch word := p.in[start:p.at]; {
	case word == "":
		return odd, false
	case word == "null":
		return null, true
	case word == "true" || word == "false":
		return boolean, true
	case isNumber(word):
		return number, true
	}
	return odd, true
}

// text reads a string. An escape that JSON does not know stays as written.
func (p *parser) text() (string, bool) {
	p.at++
	start := p.at
	for p.at < len(p.in) && p.in[p.at] != '"' && p.in[p.at] != '\\' {
		p.at++
	}
	if p.at >= len(p.in) {
		return "", false
	}
	if p.in[p.at] == '"' {
		p.at++
		return p.in[start : p.at-1], true
	}
	var out strings.Builder
	out.WriteString(p.in[start:p.at])
	for p.at < len(p.in) {
		switch c := p.in[p.at]; c {
		case '"':
			p.at++
			return out.String(), true
		case '\\':
			if p.at+1 >= len(p.in) {
				return "", false
			}
			p.escape(&out)
		default:
			out.WriteByte(c)
			p.at++
		}
	}
	return "", false
}

func (p *parser) escape(out *strings.Builder) {
	c := p.in[p.at+1]
	p.at += 2
	switch c {
	case '"', '\\', '/':
		out.WriteByte(c)
	case 'b':
		out.WriteByte('\b')
	case 'f':
		out.WriteByte('\f')
	case 'n':
		out.WriteByte('\n')
	case 'r':
		out.WriteByte('\r')
	case 't':
		out.WriteByte('\t')
	case 'u':
		first, ok := p.hex()
		if !ok {
			out.WriteString(`\u`)
			return
		}
		if utf16.IsSurrogate(first) && strings.HasPrefix(p.in[p.at:], `\u`) {
			back := p.at
			p.at += 2
			second, ok := p.hex()
			if both := utf16.DecodeRune(first, second); ok && both != utf8.RuneError {
				out.WriteRune(both)
				return
			}
			p.at = back
		}
		out.WriteRune(first) // half a pair becomes U+FFFD
	default:
		out.WriteByte('\\')
		out.WriteByte(c)
	}
}

func (p *parser) hex() (rune, bool) {
	if p.at+4 > len(p.in) {
		return 0, false
	}
	code, err := strconv.ParseUint(p.in[p.at:p.at+4], 16, 32)
	if err != nil || p.in[p.at] == '+' {
		return 0, false
	}
	p.at += 4
	return rune(code), true
}
