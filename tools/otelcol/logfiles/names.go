package logfiles

import (
	"path/filepath"
	"regexp"
	"strings"
)

// origin is a name that a file may have had before it was rotated.
type origin struct {
	path string
	// inserted: what was taken out stood before the extension (cart-2026-11-25.log).
	inserted bool
	// digits: how many were taken out.
	digits int
}

// Rotation adds numbers, dates, times, or several of them: .1, -20261125,
// -20261125-1764062400, .2026-11-25T10:00, .old.
var added = regexp.MustCompile(`[._-]+([0-9][0-9TZ:+]*|old|prev)$`)

// digitsOfDate is the least that tells a date from the number of an instance.
const digitsOfDate = 8

// origins lists the names that a file may have had before it was rotated.
func origins(path string) []origin {
	folder, name := filepath.Split(path)
	var found []origin
	for whole, digits := name, 0; ; {
		if digits > 0 || whole != name {
			found = append(found, origin{path: folder + whole, digits: digits})
		}
		if extension := filepath.Ext(whole); extension != whole && strings.Trim(extension, ".0123456789") != "" {
			stem, inside := strings.TrimSuffix(whole, extension), 0
			for {
				shorter, n := without(stem)
				if shorter == "" {
					break
				}
				stem, inside = shorter, inside+n
				found = append(found, origin{path: folder + stem + extension, inserted: true, digits: digits + inside})
			}
		}
		shorter, n := without(whole)
		if shorter == "" {
			return found
		}
		whole, digits = shorter, digits+n
	}
}

// without takes off the last thing that rotation may have added.
func without(name string) (shorter string, digits int) {
	at := added.FindStringIndex(name)
	if at == nil || at[0] == 0 {
		return "", 0
	}
	for _, c := range name[at[0]:] {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return name[:at[0]], digits
}

// rotatedOf tells whether path is a name that rotation may give to active.
func rotatedOf(path, active string) bool {
	for _, from := range origins(path) {
		if from.path == active {
			return true
		}
	}
	return false
}
