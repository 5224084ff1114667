package scrub

import (
	"strings"
	"unicode/utf8"
)

// nearby is how far before a number its name may stand.
const nearby = 48

// cardWords say that a number is a card's.
var cardWords = wordSet(`card cards cardno cardnum cardnumber ccno ccnum ccnumber cc pan credit debit creditcard
	debitcard visa mastercard maestro amex diners discover jcb unionpay rupay troy mir verve elo
	karte kartennummer kreditkarte carte tarjeta carta cartao kort kaart kaartnummer`)

// otherWords, in the name or right before the number, say that it is something
// else; units do so right after it.
var (
	otherWords = wordSet(`byte bytes size length offset duration elapsed nanos micros millis ns us ms nanoseconds
		microseconds milliseconds timestamp phone tel telephone mobile msisdn fax imei imsi iccid`)
	units = wordSet(`b kb mb gb tb pb kib mib gib tib byte bytes bit bits ns us ms nanos micros millis nanoseconds
		microseconds milliseconds records rows lines`)
)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

// spokenOf judges what stands around the number of groups first to last: a word
// for cards speaks for it; the plus sign of a telephone number, a unit or the
// name of a count speak against it.
func (c *chain) spokenOf(text, key string, first, last int, standing standing) bool {
	start, end := c.groups[first].start, c.groups[last].end
	from := max(0, start-nearby)
	for from > 0 && from < start && isLetter(text[from-1]) {
		from++ // no word is cut
	}
	before := text[from:start]
	if anyWord(before, cardWords) || anyWord(key, cardWords) {
		return true
	}
	if standing == rare {
		return false
	}
	digits := c.groups[last].last - c.groups[first].first
	if digits <= 15 && phoned(before) {
		return false
	}
	if units[strings.ToLower(wordAt(text[end:]))] {
		return false
	}
	if last > first {
		return true // no count is written in a card's groups
	}
	if word := lastWord(before); word != "" {
		return !otherWords[word]
	}
	return !anyWord(key, otherWords)
}

// phoned tells whether the text before a number ends in the plus sign that
// begins a telephone number, and not in one that joins two words in a URL.
func phoned(before string) bool {
	rest, ok := strings.CutSuffix(before, "+")
	if !ok {
		return false
	}
	return rest == "" || !isLetter(rest[len(rest)-1]) && !isDigit(rest[len(rest)-1])
}

// wordAt is the word at the start of a text, after one blank at most.
func wordAt(text string) string {
	if r, width := utf8.DecodeRuneInString(text); r == ' ' || r == 0xA0 || r == 0x202F {
		text = text[width:]
	}
	end := 0
	for end < len(text) && isLetter(text[end]) {
		end++
	}
	return text[:end]
}

// anyWord tells whether one of a text's words is in the set; capitals inside a
// word begin another, as in cardNumber.
func anyWord(text string, set map[string]bool) bool {
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && isLetter(text[at]) {
			at++
		}
		if at == start {
			at++
			continue
		}
		if run := text[start:at]; set[strings.ToLower(run)] || anyPart(run, set) {
			return true
		}
	}
	return false
}

func anyPart(run string, set map[string]bool) bool {
	start := 0
	for i := 1; i <= len(run); i++ {
		if i == len(run) || run[i] < 'a' && run[i-1] >= 'a' {
			if start > 0 || i < len(run) {
				if set[strings.ToLower(run[start:i])] {
					return true
				}
			}
			start = i
		}
	}
	return false
}

// lastWord is the last word of a text, in small letters.
func lastWord(text string) string {
	end := len(text)
	for end > 0 && !isLetter(text[end-1]) {
		end--
	}
	start := end
	for start > 0 && isLetter(text[start-1]) {
		start--
	}
	word := text[start:end]
	for i := len(word) - 1; i > 0; i-- {
		if word[i] < 'a' && word[i-1] >= 'a' {
			word = word[i:]
			break
		}
	}
	return strings.ToLower(word)
}
