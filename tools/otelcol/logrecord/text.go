package logrecord

import (
	"strconv"
	"strings"
	"time"
)

// hints are what a line of plain text says about itself in the usual places. The
// line stays the message, whole.
type hints struct {
	time  time.Time // zero where it says none
	level string
}

func readHints(line string, zone *time.Location, now time.Time) hints {
	line = strings.TrimLeft(line, " \t")
	if found, ok := logfmt(line, zone, now); ok {
		return found
	}
	if found, ok := glog(line, zone, now); ok {
		return found
	}
	var found hints
	rest := line
	if priority, after, ok := syslogPriority(line); ok {
		found.level, _ = levelOfNumber(strconv.Itoa(priority%8), syslogScale)
		rest = strings.TrimPrefix(after, "1 ") // RFC 5424's version
	}
	found.time, rest = timeAhead(rest, zone, now)
	if found.level == "" {
		found.level = levelAhead(rest)
	}
	return found
}

func syslogPriority(line string) (int, string, bool) {
	if !strings.HasPrefix(line, "<") {
		return 0, line, false
	}
	n := digits(line[1:])
	if n == 0 || n > 3 || len(line) <= 1+n || line[1+n] != '>' {
		return 0, line, false
	}
	return number2(line[1 : 1+n]), line[2+n:], true
}

// timeAhead reads the time with which a line begins, or that an access log has in brackets.
func timeAhead(line string, zone *time.Location, now time.Time) (time.Time, string) {
	if found, rest, _, ok := leadingMoment(strings.TrimPrefix(line, "["), zone); ok {
		return found, rest
	}
	// Nov 25 11:27:15 host ...; Nov 25, 2026 11:27:15 AM ...
	if len(line) >= 15 && line[3] == ' ' && isLetter(line[0]) {
		if found, ok := withoutYear(strings.Join(strings.Fields(line[:15]), " "), zone, now); ok {
			return found, line[15:]
		}
		if at := strings.IndexByte(line, 'M'); at > 15 && at < 28 {
			if at = strings.Index(line, "M "); at > 15 && at < 28 {
				if found, err := time.ParseInLocation("Jan 2, 2006 3:04:05 PM", line[:at+1], zone); err == nil {
					return found.UTC(), line[at+1:]
				}
			}
		}
	}
	if at := strings.IndexByte(line, '['); at >= 0 && at < 200 && len(line) > at+28 && line[at+27] == ']' {
		if found, err := time.Parse("02/Jan/2006:15:04:05 -0700", line[at+1:at+27]); err == nil {
			return found.UTC(), line[at+28:]
		}
	}
	return time.Time{}, line
}

// levelAhead finds a level among the first words: in capitals, in brackets, or
// alone before a colon at the very beginning.
func levelAhead(rest string) string {
	rest = rest[:min(len(rest), 160)]
	for n := range 7 {
		rest = strings.TrimLeft(rest, " \t-|,")
		if rest == "" {
			return ""
		}
		word, after := rest, ""
		if end := strings.IndexAny(rest, " |\t"); end >= 0 {
			word, after = rest[:end], rest[end+1:]
		}
		bare := strings.Trim(word, "[]()<>:|,-")
		if n == 0 {
			if name, _, ok := strings.Cut(word, ":"); ok { // WARNING:root:text, fail: Category[0]
				bare = strings.Trim(name, "[]()<>")
			}
		}
		level, known := names[strings.ToLower(bare)]
		if known && level != "" && len(bare) >= 3 {
			bracketed := strings.HasPrefix(word, "[") || strings.HasPrefix(word, "<")
			if isUpper(bare) || bracketed || n == 0 && strings.HasPrefix(word, bare+":") {
				return level
			}
		}
		rest = after
	}
	return ""
}

// glog reads the head of glog and klog: I1125 11:27:15.696000 1 main.go:7] text.
func glog(line string, zone *time.Location, now time.Time) (hints, bool) {
	if len(line) < 21 || digits(line[1:]) != 4 || line[5] != ' ' || line[14] != '.' {
		return hints{}, false
	}
	level := ""
	switch line[0] {
	case 'I', 'W', 'E', 'F':
		level = names[lower(line[:1])]
	default:
		return hints{}, false
	}
	month := number2(line[1:3])
	if month < 1 || month > 12 {
		return hints{}, false
	}
	text := time.Month(month).String()[:3] + " " + strings.TrimPrefix(line[3:5], "0") + " " + line[6:14]
	found, ok := withoutYear(text, zone, now)
	if ok {
		found = found.Add(time.Duration(fractionNanos(line[15 : 15+digits(line[15:])])))
	}
	return hints{found, level}, ok
}

// logfmt reads time=... level=... as logrus and slog write it.
func logfmt(line string, zone *time.Location, now time.Time) (hints, bool) {
	first, _, ok := strings.Cut(line[:min(len(line), 24)], "=")
	if place := roles[lower(first)]; !ok || place.role != timeRole && place.role != levelRole {
		return hints{}, false
	}
	var found hints
	for rest := line; rest != ""; {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			break
		}
		var said string
		if strings.HasPrefix(after, `"`) {
			p := parser{in: after}
			if said, ok = p.text(); !ok {
				break
			}
			rest = after[p.at:]
		} else {
			said, rest, _ = strings.Cut(after, " ")
		}
		rest = strings.TrimLeft(rest, " ")
		switch roles[lower(key)].role {
		case timeRole:
			if at, ok := moment(textOf(said), zone, now); ok && found.time.IsZero() {
				found.time = at
			}
		case levelRole:
			if level, ok := levelOfName(said); ok && found.level == "" {
				found.level = level
			}
		}
		if !found.time.IsZero() && found.level != "" {
			break
		}
	}
	return found, !found.time.IsZero() || found.level != ""
}
