package logrecord

import (
	"math/big"
	"strconv"
	"strings"
	"time"
)

// moment reads a time in the ways in which loggers write one. A time without a
// zone is taken in `zone`; one without a year is the one nearest to `now`. What
// is not certain is not understood: no time is guessed.
func moment(v value, zone *time.Location, now time.Time) (time.Time, bool) {
	switch v.kind {
	case number:
		return epoch(v.raw)
	case text:
		return momentOfText(strings.TrimSpace(v.text), zone, now)
	case object:
		return momentOfObject(v)
	}
	return time.Time{}, false
}

// momentOfObject knows log4j2's instant, GCP's timestamp and loguru's time.
func momentOfObject(v value) (time.Time, bool) {
	for _, key := range []string{"epochSecond", "seconds", "timestamp", "$date"} {
		seconds, ok := v.get(key)
		if !ok {
			continue
		}
		found, ok := moment(seconds, time.UTC, time.Time{})
		for _, key := range []string{"nanoOfSecond", "nanos"} {
			if nanos, there := v.get(key); ok && there {
				n, err := strconv.Atoi(nanos.said())
				found, ok = found.Add(time.Duration(n)), err == nil && n >= 0 && n < 1_000_000_000
			}
		}
		return found, ok
	}
	return time.Time{}, false
}

// epoch reads seconds, milliseconds, microseconds or nanoseconds since 1970: by
// size, as no two of them meet within this and the next millennium.
func epoch(raw string) (time.Time, bool) {
	if len(raw) > 40 || !isNumber(raw) {
		return time.Time{}, false
	}
	whole, fraction := raw, ""
	if strings.ContainsAny(raw, "eE") {
		// An exponent of three digits or more is no time, and would be a number of that many digits.
		if at := strings.IndexAny(raw, "eE"); len(strings.TrimLeft(raw[at+1:], "+-0")) > 2 {
			return time.Time{}, false
		}
		exactly, ok := new(big.Rat).SetString(raw)
		if !ok {
			return time.Time{}, false
		}
		raw = exactly.FloatString(9)
	}
	whole, fraction, _ = strings.Cut(raw, ".")
	count, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	size := count
	if size < 0 {
		size = -size
	}
	unit := int64(1)
	switch {
	case size < 1e11:
		unit = 1e9
	case size < 1e14:
		unit = 1e6
	case size < 1e17:
		unit = 1e3
	}
	per := 1_000_000_000 / unit
	nanos := (count % per) * unit
	if fraction != "" {
		part := int64(fractionNanos(fraction))
		if strings.HasPrefix(whole, "-") {
			part = -part
		}
		nanos += part / (1_000_000_000 / unit)
	}
	return time.Unix(count/per, nanos).UTC(), true
}

// fractionNanos reads the digits behind a point as nanoseconds; more than nine are cut.
func fractionNanos(fraction string) int {
	if len(fraction) > 9 {
		fraction = fraction[:9]
	}
	n, _ := strconv.Atoi(fraction)
	for range 9 - len(fraction) {
		n *= 10
	}
	return n
}

func momentOfText(s string, zone *time.Location, now time.Time) (time.Time, bool) {
	if found, rest, zoned, ok := leadingMoment(s, zone); ok && (strings.TrimSpace(rest) == "" || zoned && zoneRemark(rest)) {
		return found, true
	}
	if s == "" || len(s) > 64 {
		return time.Time{}, false
	}
	if inner, ok := strings.CutPrefix(s, "/Date("); ok { // .NET's old JSON
		inner, _, _ = strings.Cut(inner, ")")
		inner, _, _ = strings.Cut(inner, "+")
		return epoch(inner)
	}
	if c := s[0]; c == '-' || c >= '0' && c <= '9' {
		if found, ok := epoch(s); ok {
			return found, true
		}
	}
	return byLayout(s, zone, now)
}

// zoneRemark is what may stand behind a time that has its offset already: the
// zone's name (Java), its abbreviation and a monotonic clock (Go).
func zoneRemark(rest string) bool {
	rest = strings.TrimSpace(rest)
	if rest[0] == '[' && rest[len(rest)-1] == ']' {
		return true
	}
	name, clock, _ := strings.Cut(rest, " ")
	return (strings.HasPrefix(name, "m=") || isUpper(name) && len(name) <= 5) && (clock == "" || strings.HasPrefix(clock, "m="))
}

func isUpper(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// leadingMoment reads year, month, day and a clock at the beginning of a text,
// ISO 8601 and its relatives, and returns what follows; `zoned` says whether a zone
// was among it. Where letters follow at once that are no zone we know, it is no time.
func leadingMoment(s string, zone *time.Location) (found time.Time, rest string, zoned, ok bool) {
	year, month, day, rest, ok := date(s)
	if !ok || rest == "" {
		return found, s, false, false
	}
	switch rest[0] {
	case 'T', 't', ' ', '_':
		rest = rest[1:]
	default:
		return found, s, false, false
	}
	hour, minute, second, nanos, rest, ok := clock(rest)
	if !ok {
		return found, s, false, false
	}
	if month > 12 || month == 0 || day == 0 || hour > 24 || minute > 59 || second > 60 {
		return found, s, false, false
	}
	if next := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC); day > next.Day() {
		return found, s, false, false
	}
	rest, location, known := offset(rest)
	if !known {
		return found, s, false, false
	}
	if zoned = location != nil; !zoned {
		location = zone
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanos, location).UTC(), rest, zoned, true
}

// date reads 2026-11-25, 2026/11/25 or 20261125.
func date(s string) (year, month, day int, rest string, ok bool) {
	switch {
	case len(s) >= 10 && (s[4] == '-' && s[7] == '-' || s[4] == '/' && s[7] == '/') &&
		digits(s[:4]) == 4 && digits(s[5:7]) == 2 && digits(s[8:10]) == 2:
		return number2(s[:4]), number2(s[5:7]), number2(s[8:10]), s[10:], true
	case len(s) >= 9 && digits(s) == 8 && (s[8] == 'T' || s[8] == ' '):
		return number2(s[:4]), number2(s[4:6]), number2(s[6:8]), s[8:], true
	}
	return 0, 0, 0, s, false
}

// clock reads 11:27, 11:27:15, 112715 and a fraction behind a point or comma.
func clock(s string) (hour, minute, second, nanos int, rest string, ok bool) {
	switch {
	case len(s) >= 5 && s[2] == ':' && digits(s[:2]) == 2 && digits(s[3:5]) == 2:
		hour, minute, rest = number2(s[:2]), number2(s[3:5]), s[5:]
		if len(rest) < 3 || rest[0] != ':' || digits(rest[1:3]) != 2 {
			return hour, minute, 0, 0, rest, rest == "" || rest[0] != ':'
		}
		second, rest = number2(rest[1:3]), rest[3:]
	case len(s) >= 6 && digits(s) == 6:
		hour, minute, second, rest = number2(s[:2]), number2(s[2:4]), number2(s[4:6]), s[6:]
	default:
		return 0, 0, 0, 0, s, false
	}
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		if n := digits(rest[1:]); n > 0 {
			nanos, rest = fractionNanos(rest[1:1+n]), rest[1+n:]
		}
	}
	return hour, minute, second, nanos, rest, true
}

// number2 reads digits that were counted before.
func number2(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// offset reads Z, UTC, +02, +0200, +02:00 or +02:00:00 and returns what follows; no
// location means that there is none. Not known are letters or signs that follow at
// once and say something that we do not understand.
func offset(s string) (rest string, location *time.Location, known bool) {
	trimmed := strings.TrimLeft(s, " ")
	apart := len(trimmed) < len(s)
	if trimmed == "" {
		return "", nil, true
	}
	switch c := trimmed[0]; {
	case c == '+' || c == '-':
		// Apart, two digits may be anything: "-10 left".
		if found, rest, ok := numericOffset(trimmed); ok && (!apart || len(trimmed)-len(rest) > 3) {
			return rest, found, true
		}
		return s, nil, apart
	case isLetter(c):
		end := 0
		for end < len(trimmed) && isLetter(trimmed[end]) {
			end++
		}
		if seconds, ok := zones[strings.ToUpper(trimmed[:end])]; ok {
			return trimmed[end:], time.FixedZone("", seconds), true
		}
		return s, nil, apart
	}
	return s, nil, true
}

func isLetter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }

func numericOffset(s string) (*time.Location, string, bool) {
	rest := s[1:]
	var parts [3]int
	n := 0
	for n < 3 && digits(rest) >= 2 && (n == 0 || digits(rest) == 2 || digits(rest) == 4) {
		parts[n], rest = number2(rest[:2]), rest[2:]
		n++
		if len(rest) > 2 && rest[0] == ':' && digits(rest[1:]) == 2 {
			rest = rest[1:]
		}
	}
	if n == 0 || parts[0] > 18 || parts[1] > 59 || rest != "" && digits(rest) > 0 {
		return nil, s, false
	}
	seconds := parts[0]*3600 + parts[1]*60 + parts[2]
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), rest, true
}

// zones are those that RFC 2822 defines. Other abbreviations mean one thing here
// and another there.
var zones = map[string]int{
	"Z": 0, "UTC": 0, "GMT": 0, "UT": 0,
	"EST": -5 * 3600, "EDT": -4 * 3600, "CST": -6 * 3600, "CDT": -5 * 3600,
	"MST": -7 * 3600, "MDT": -6 * 3600, "PST": -8 * 3600, "PDT": -7 * 3600,
}

// layouts with names of months; a zone by name is cut off before.
var layouts = []string{
	"2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2-Jan-2006 15:04:05", "2-Jan-06 15:04:05", "02/Jan/2006:15:04:05",
	"Jan 2 15:04:05 2006", "Jan 2, 2006 3:04:05 PM", "Jan 2, 2006 15:04:05", "Jan 2, 2006, 3:04:05 PM", "2 January 2006 15:04:05",
}

// byLayout reads RFC 2822, RFC 1123, RFC 850, asctime, Apache's and syslog's times.
func byLayout(s string, zone *time.Location, now time.Time) (time.Time, bool) {
	s = strings.Join(strings.Fields(s), " ")
	// A weekday adds nothing.
	if name, rest, ok := strings.Cut(s, " "); ok && isWeekday(strings.TrimSuffix(name, ",")) {
		s = rest
	}
	location := zone
	if at := strings.LastIndexByte(s, ' '); at > 0 {
		name := s[at+1:]
		if seconds, known := zones[strings.ToUpper(name)]; known {
			s, location = s[:at], time.FixedZone("", seconds)
		} else if name[0] == '+' || name[0] == '-' {
			found, rest, ok := numericOffset(name)
			if !ok || rest != "" {
				return time.Time{}, false
			}
			s, location = s[:at], found
		}
	}
	// ANSI C with a zone before the year: Nov 25 11:27:15 UTC 2026
	if parts := strings.Split(s, " "); len(parts) == 5 {
		if seconds, known := zones[parts[3]]; known {
			s, location = strings.Join([]string{parts[0], parts[1], parts[2], parts[4]}, " "), time.FixedZone("", seconds)
		}
	}
	for _, layout := range layouts {
		if found, err := time.ParseInLocation(layout, s, location); err == nil {
			return found.UTC(), true
		}
	}
	return withoutYear(s, location, now)
}

// withoutYear reads syslog's time: of the years, the one that lies nearest.
func withoutYear(s string, location *time.Location, now time.Time) (time.Time, bool) {
	if now.IsZero() {
		return time.Time{}, false
	}
	var best time.Time
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		// With the year, since 29 February is no day of every year.
		found, err := time.ParseInLocation("2006 Jan 2 15:04:05", strconv.Itoa(year)+" "+s, location)
		if err == nil && (best.IsZero() || found.Sub(now).Abs() < best.Sub(now).Abs()) {
			best = found
		}
	}
	return best.UTC(), !best.IsZero()
}

func isWeekday(s string) bool {
	if len(s) < 3 {
		return false
	}
	for day := range 7 {
		name := time.Weekday(day).String()
		if strings.EqualFold(s, name[:3]) || strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}
