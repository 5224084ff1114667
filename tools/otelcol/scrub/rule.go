package scrub

import (
	"regexp"
	"regexp/syntax"
)

// rule is a pattern made ready.
type rule struct {
	replacement string
	// needs holds one of whose bytes every match contains; nil where it cannot be told.
	needs  *[256]bool
	digits int
	find   func(text, key string) []span
}

func newRule(pattern Pattern) rule {
	if pattern.Pattern == "" && pattern.Check == CheckCard {
		return rule{replacement: pattern.Replacement, digits: shortestCard, find: findCards}
	}
	compiled := regexp.MustCompile(pattern.Pattern)
	made := rule{replacement: pattern.Replacement, needs: needs(pattern.Pattern)}
	switch pattern.Check {
	case CheckLuhn:
		made.find = checked(pattern.Pattern, luhn)
	case CheckCard:
		made.find = checked(pattern.Pattern, func(digits []byte) bool { return issued(digits) != none && luhn(digits) })
	default:
		made.find = func(text, _ string) []span { return spansOf(compiled.FindAllStringIndex(text, -1)) }
	}
	return made
}

// possible is a cheap look at a text: most hold nothing of what is looked for.
func (r *rule) possible(text string) bool {
	if r.digits > 0 {
		return hasDigits(text, r.digits)
	}
	if r.needs == nil {
		return true
	}
	for i := range len(text) {
		if r.needs[text[i]] {
			return true
		}
	}
	return false
}

// hasDigits tells whether a text holds so many; digits of other scripts count
// by their bytes.
func hasDigits(text string, wanted int) bool {
	if len(text) < wanted {
		return false
	}
	found := 0
	for i := range len(text) {
		if c := text[i]; c-'0' < 10 || c >= 0x80 {
			if found++; found == wanted {
				return true
			}
		}
	}
	return false
}

func spansOf(places [][]int) []span {
	found := make([]span, 0, len(places))
	for _, place := range places {
		if place[1] > place[0] {
			found = append(found, span{place[0], place[1]})
		}
	}
	return found
}

// checked finds matches of an expression whose digits pass a check. A match
// that fails may hide one that passes: then each of its parts is tried that
// begins and ends with a whole run of digits, and after that what begins one
// character on.
func checked(expression string, valid func([]byte) bool) func(text, key string) []span {
	compiled := regexp.MustCompile(expression)
	whole := regexp.MustCompile(`\A(?:` + expression + `)\z`)
	return func(text, _ string) []span {
		var found []span
		for at := 0; at < len(text); {
			place := compiled.FindStringIndex(text[at:])
			if place == nil {
				break
			}
			start, end := at+place[0], at+place[1]
			if valid(digitsOf(text[start:end])) {
				found = append(found, span{start, end})
				at = end
				continue
			}
			if part, ok := validPart(text, start, end, whole, valid); ok {
				found = append(found, part)
				at = part.end
				continue
			}
			at = start + 1
		}
		return found
	}
}

func validPart(text string, start, end int, whole *regexp.Regexp, valid func([]byte) bool) (span, bool) {
	for from := start; from < end; from++ {
		if !isDigit(text[from]) || from > start && isDigit(text[from-1]) {
			continue
		}
		for to := end; to > from; to-- {
			if !isDigit(text[to-1]) || to < len(text) && isDigit(text[to]) {
				continue
			}
			if part := text[from:to]; whole.MatchString(part) && valid(digitsOf(part)) {
				return span{from, to}, true
			}
		}
	}
	return span{}, false
}

func digitsOf(text string) []byte {
	digits := make([]byte, 0, len(text))
	for i := range len(text) {
		if isDigit(text[i]) {
			digits = append(digits, text[i]-'0')
		}
	}
	return digits
}

// needs reads out of an expression bytes of which every match has one: the
// rarest literal, or a small class such as the digits.
func needs(expression string) *[256]bool {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	set, _ := required(parsed.Simplify())
	return set
}

// required returns such a set and its size; nil where there is none, or where
// it would be too large to save anything.
func required(re *syntax.Regexp) (*[256]bool, int) {
	const tooMany = 16
	switch re.Op {
	case syntax.OpLiteral:
		if r := re.Rune[len(re.Rune)-1]; re.Flags&syntax.FoldCase == 0 && r < 0x80 {
			var set [256]bool
			set[r] = true
			return &set, 1
		}
	case syntax.OpCharClass:
		var set [256]bool
		size := 0
		for i := 0; i < len(re.Rune); i += 2 {
			if re.Rune[i+1] >= 0x80 || re.Rune[i+1]-re.Rune[i] > tooMany {
				return nil, 0
			}
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				set[r] = true
				size++
			}
		}
		if size > 0 && size <= tooMany {
			return &set, size
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		var best *[256]bool
		least := 0
		for _, sub := range re.Sub {
			if set, size := required(sub); set != nil && (best == nil || size < least) {
				best, least = set, size
			}
		}
		return best, least
	case syntax.OpAlternate:
		var union [256]bool
		size := 0
		for _, sub := range re.Sub {
			set, count := required(sub)
			if set == nil {
				return nil, 0
			}
			for i := range set {
				union[i] = union[i] || set[i]
			}
			size += count
		}
		return &union, size
	}
	return nil, 0
}
