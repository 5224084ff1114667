package scrub

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// group is an unbroken run of digits: where it stands, and which of the chain's
// digits are its own.
type group struct {
	start, end  int
	first, last int
	// dotted says that a full stop leads to it from the group before.
	dotted bool
}

func (g group) length() int { return g.last - g.first }

// chain is a sequence of groups with one separator between each two.
type chain struct {
	digits []byte
	groups []group
}

// groupings are the ways in which people and programs break a card number.
var groupings = [][]int{
	{4, 4, 4, 4}, {4, 6, 5}, {4, 4, 4, 3}, {4, 6, 4}, {4, 4, 4, 2}, {4, 4, 4, 4, 3}, {4, 4, 4, 4, 2},
	{4, 4, 4, 4, 1}, {6, 13}, {4, 3, 3, 3}, {4, 4, 5}, {4, 4, 4},
}

// findCards finds card numbers: bare or in the usual groupings, with a valid
// check digit, an issuer's first digits and a length that this issuer has. Each
// way to read the digits is tried, so that one that fails hides no other.
func findCards(text, key string) []span {
	var found []span
	var c chain
	for at := 0; at < len(text); {
		at = c.read(text, at)
		if len(c.digits) < shortestCard {
			continue
		}
		for i := range c.groups {
			if c.bare(text, key, i) {
				found = append(found, span{c.groups[i].start, c.groups[i].end})
			}
			for _, grouping := range groupings {
				if c.grouped(text, key, i, grouping) {
					found = append(found, span{c.groups[i].start, c.groups[i+len(grouping)-1].end})
				}
			}
			if end, ok := c.float(text, i); ok {
				found = append(found, span{c.groups[i].start, end})
			}
		}
	}
	return merged(found)
}

// read fills the chain with the next one in the text and returns where it ends.
func (c *chain) read(text string, at int) int {
	c.digits, c.groups = c.digits[:0], c.groups[:0]
	dotted := false
	for at < len(text) {
		start := at
		first := len(c.digits)
		for at < len(text) {
			value, width := digit(text[at:])
			if width == 0 {
				break
			}
			c.digits = append(c.digits, value)
			at += width
		}
		if at > start {
			c.groups = append(c.groups, group{start, at, first, len(c.digits), dotted})
			width := separator(text[at:])
			if width == 0 {
				return at
			}
			dotted = text[at] == '.'
			at += width
			continue
		}
		if len(c.groups) > 0 {
			return at
		}
		_, width := utf8.DecodeRuneInString(text[at:])
		at += width
	}
	return at
}

// digit reads a decimal digit, of another script too where keyboards write it.
func digit(text string) (value byte, width int) {
	if c := text[0]; c < 0x80 {
		if isDigit(c) {
			return c - '0', 1
		}
		return 0, 0
	}
	r, width := utf8.DecodeRuneInString(text)
	for _, zero := range []rune{0x0660, 0x06F0, 0x0966, 0xFF10} {
		if r >= zero && r <= zero+9 {
			return byte(r - zero), width
		}
	}
	return 0, 0
}

// separator is the width of what may stand between two groups: a blank, a dash,
// a full stop, an underscore, the plus sign that stands for a blank in a URL, or
// a dash between blanks.
func separator(text string) int {
	if len(text) == 0 {
		return 0
	}
	if strings.HasPrefix(text, " - ") {
		return 3
	}
	switch c := text[0]; {
	case c == ' ' || c == '-' || c == '.' || c == '_' || c == '+' || c == '\t':
		return 1
	case c < 0x80:
		return 0
	}
	// Dashes, spaces and what has no width, of all scripts.
	if r, width := utf8.DecodeRuneInString(text); unicode.In(r, unicode.Pd, unicode.Zs, unicode.Cf) || r == 0x2212 {
		return width
	}
	return 0
}

// bare tells whether one group alone is a card number.
func (c *chain) bare(text, key string, i int) bool {
	g := c.groups[i]
	length := issued(c.digits[g.first:g.last])
	if length == none || !luhn(c.digits[g.first:g.last]) {
		return false
	}
	if g.dotted || c.fraction(i) || !bareToken(text, g.start, g.end) {
		return false
	}
	return c.spokenOf(text, key, i, i, length)
}

// fraction tells whether the group is the whole part of a decimal. One of zeros
// alone (4111111111111111.0) is what is left of a card that was read as a number.
func (c *chain) fraction(i int) bool {
	if i+1 == len(c.groups) || !c.groups[i+1].dotted {
		return false
	}
	next := c.groups[i+1]
	for _, digit := range c.digits[next.first:next.last] {
		if digit != 0 {
			return true
		}
	}
	return i+2 < len(c.groups) && c.groups[i+2].dotted
}

// grouped tells whether the groups from i on are a card number in this grouping.
func (c *chain) grouped(text, key string, i int, grouping []int) bool {
	if i+len(grouping) > len(c.groups) {
		return false
	}
	for offset, length := range grouping {
		if c.groups[i+offset].length() != length {
			return false
		}
	}
	last := i + len(grouping) - 1
	digits := c.digits[c.groups[i].first:c.groups[last].last]
	standing := issued(digits)
	if standing == none || !luhn(digits) || !edgeToken(text, c.groups[i].start, c.groups[last].end) {
		return false
	}
	if standing == rare && len(digits) > 16 {
		standing = usual // nobody writes an id or a time so
	}
	return !c.iban(text) && c.spokenOf(text, key, i, last, standing)
}

// iban tells whether the chain is the tail of an international account number,
// DE89 3704 0044 0532 0130 00.
func (c *chain) iban(text string) bool {
	first := c.groups[0]
	if first.length() != 2 || first.start < 2 {
		return false
	}
	country := text[first.start-2 : first.start]
	return country[0] >= 'A' && country[0] <= 'Z' && country[1] >= 'A' && country[1] <= 'Z' &&
		(first.start == 2 || !isLetter(text[first.start-3]))
}

// float tells whether group i begins a card number written as a number with an
// exponent, 4.111111111111111e+15, and where that ends.
func (c *chain) float(text string, i int) (int, bool) {
	if i+1 >= len(c.groups) || c.groups[i].length() != 1 || c.groups[i].dotted || !c.groups[i+1].dotted {
		return 0, false
	}
	mantissa := c.digits[c.groups[i].first:c.groups[i+1].last]
	// Fewer would be a measurement.
	if len(mantissa) < shortestCard-1 || len(mantissa) > longestCard {
		return 0, false
	}
	at := c.groups[i+1].end
	if at >= len(text) || text[at]|0x20 != 'e' {
		return 0, false
	}
	if at++; at < len(text) && text[at] == '+' {
		at++
	}
	exponent := 0
	start := at
	for ; at < len(text) && isDigit(text[at]) && exponent < 100; at++ {
		exponent = exponent*10 + int(text[at]-'0')
	}
	if at == start || exponent+1 < len(mantissa) || exponent+1 > longestCard {
		return 0, false
	}
	digits := append(slices.Clone(mantissa), make([]byte, exponent+1-len(mantissa))...)
	return at, issued(digits) == usual && luhn(digits)
}

// edgeToken tells whether what a grouped number touches may stand there: nothing
// or letters alone, but no letters with digits, as in a UUID.
func edgeToken(text string, start, end int) bool {
	left, right := attached(text, start, end)
	return !hasDigit(left) && !hasDigit(right)
}

// bareToken is stricter: letters that make the whole a hexadecimal number (of
// 16 digits as a span's id, or of 24 and more as longer ids) make it no card.
func bareToken(text string, start, end int) bool {
	left, right := attached(text, start, end)
	if left == "" && right == "" {
		return true
	}
	if hasDigit(left) || hasDigit(right) {
		return false
	}
	if !isHexText(left) || !isHexText(right) {
		return true
	}
	whole := len(left) + end - start + len(right)
	return whole != 16 && whole < 24
}

// attached returns the letters and digits that touch a piece of text.
func attached(text string, start, end int) (left, right string) {
	from, to := start, end
	for from > 0 && (isLetter(text[from-1]) || isDigit(text[from-1])) {
		from--
	}
	for to < len(text) && (isLetter(text[to]) || isDigit(text[to])) {
		to++
	}
	return text[from:start], text[end:to]
}

func hasDigit(text string) bool {
	return strings.ContainsAny(text, "0123456789")
}

func isHexText(text string) bool {
	for i := range len(text) {
		if !isHexLetter(text[i]) {
			return false
		}
	}
	return true
}

// merged sorts spans and joins those that overlap.
func merged(spans []span) []span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	out := spans[:1]
	for _, next := range spans[1:] {
		if last := &out[len(out)-1]; next.start < last.end {
			last.end = max(last.end, next.end)
		} else {
			out = append(out, next)
		}
	}
	return out
}
