// Package plain makes text that every store takes out of text that a client sent.
package plain

import (
	"strings"
	"unicode/utf8"
)

// Mark stands for what is not text: bytes that are no UTF-8, and control
// characters, of which a NUL ends the line for Prometheus' reader.
const Mark = "\uFFFD"

// Text is the text with Mark for whatever is not text; unchanged, and without a
// copy, where all of it is.
func Text(text string) string {
	if clean(text) {
		return text
	}
	return strings.Map(func(char rune) rune {
		if control(char) {
			return utf8.RuneError
		}
		return char
	}, strings.ToValidUTF8(text, Mark))
}

// Cut is the text with at most that many bytes, ended with "…" where something
// was cut off, never within a character.
func Cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	const more = "…"
	end := bytes - len(more)
	if end <= 0 {
		return whole(text, bytes)
	}
	return whole(text, end) + more
}

func whole(text string, end int) string {
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func clean(text string) bool {
	for index := 0; index < len(text); index++ {
		if char := text[index]; char < ' ' || char >= 0x7F {
			// Not ASCII, or not printable: worth the slow way.
			if char < utf8.RuneSelf {
				return false
			}
			return utf8.ValidString(text[index:]) && !strings.ContainsFunc(text[index:], control)
		}
	}
	return true
}

func control(char rune) bool {
	return char < ' ' || char >= 0x7F && char < 0xA0 || char == '\u2028' || char == '\u2029'
}
