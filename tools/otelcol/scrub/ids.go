package scrub

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

var joints = strings.NewReplacer(".", "", "-", "", "_", "")

// plainKey makes one of the ways in which a key is written: X-Transaction-Id,
// transaction.id and transactionId name the same.
func plainKey(key string) string {
	return strings.ToLower(joints.Replace(key))
}

// isWholeID tells whether a value is left alone for its key and its form.
func (s *scrubber) isWholeID(key, text string, beside pcommon.Map) bool {
	plain := plainKey(key)
	return s.ids[plain] && (isID(text) || strings.HasSuffix(plain, "spanid") && isSpanID(text, beside))
}

// isID tells whether a text has the form of an id: a UUID, a ULID, or 16 to 128
// hexadecimal digits of which one at least is a letter, or 32 and more digits.
func isID(text string) bool {
	switch {
	case len(text) == 36 && isUUID(text):
		return true
	case len(text) == 26 && isULID(text):
		return true
	case len(text) < 16 || len(text) > 128:
		return false
	}
	letters := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
		case isHexLetter(c):
			letters++
		default:
			return false
		}
	}
	return letters > 0 || len(text) >= 32
}

// isSpanID tells whether 16 digits, which may be a card as well as a span's id,
// are the latter: then a trace's id stands beside them.
func isSpanID(text string, beside pcommon.Map) bool {
	trace, ok := beside.Get("trace_id")
	return len(text) == 16 && len(digitsOf(text)) == 16 &&
		ok && trace.Type() == pcommon.ValueTypeStr && len(trace.Str()) == 32
}

func isUUID(text string) bool {
	for i := range len(text) {
		switch i {
		case 8, 13, 18, 23:
			if text[i] != '-' {
				return false
			}
		default:
			if !isDigit(text[i]) && !isHexLetter(text[i]) {
				return false
			}
		}
	}
	return true
}

// isULID wants 26 letters and digits that begin with a digit up to 7.
func isULID(text string) bool {
	if text[0] < '0' || text[0] > '7' {
		return false
	}
	for i := range len(text) {
		if !isDigit(text[i]) && !isLetter(text[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }
func isHexLetter(c byte) bool {
	c |= 0x20
	return c >= 'a' && c <= 'f'
}
