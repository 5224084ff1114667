package plain

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for given, want := range map[string]string{
		"":                    "",
		"GET /orders":         "GET /orders",
		"Grüße 漢字 🙂":          "Grüße 漢字 🙂",
		"a\x00b":              "a" + Mark + "b",
		"one\ntwo\tthree":     "one" + Mark + "two" + Mark + "three",
		"bad \xff\xfe end":    "bad " + Mark + " end",
		"ü\x1b[31mred":        "ü" + Mark + "[31mred",
		"cut \xe6\xbc":        "cut " + Mark,
		"\u0085next":          Mark + "next",
		"\xed\xa0\x80 lonely": Mark + " lonely",
	} {
		if got := Text(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	for _, char := range []string{"a", "ü", "漢", "🙂"} {
		text := strings.Repeat(char, 400)
		for bytes := range 40 {
			got := Cut(text, bytes)
			if len(got) > bytes || !utf8.ValidString(got) {
				t.Fatalf("%d bytes of %q: %q", bytes, char, got)
			}
		}
	}
	if got := Cut("short", 5); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := Cut("GET /a/very/long/path", 10); got != "GET /a/…" {
		t.Errorf("got %q", got)
	}
}
