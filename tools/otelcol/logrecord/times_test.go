package logrecord

import (
	"strings"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	want := time.Date(2026, 11, 25, 11, 27, 15, 0, time.UTC)
	for _, s := range []string{
		"2026-11-25T11:27:15Z", "2026-11-25t11:27:15z", "2026-11-25 11:27:15", "2026-11-25T11:27:15", "2026-11-25 11:27:15Z", "2026-11-25 11:27:15 UTC",
		"2026-11-25T13:27:15+02", "2026-11-25T13:27:15+0200", "2026-11-25T13:27:15+02:00", "2026-11-25 13:27:15 +0200", "2026-11-25T05:57:15-05:30",
		"2026-11-25T12:27:15+01:00[Europe/Berlin]", "2026-11-25T11:27:15Z[UTC]", "2026-11-25 12:27:15 +0100 CET", "2026-11-25 12:27:15 +0100 CET m=+0.000012",
		"20261125T112715Z", "20261125T122715+0100", "2026/11/25 11:27:15", "2026-11-25T11:27:15.000000000Z", "2026-11-25 11:27:15,000",
		"Wed, 25 Nov 2026 11:27:15 GMT", "Wed, 25 Nov 2026 12:27:15 +0100", "25 Nov 2026 11:27:15 GMT", "Wed, 25 Nov 2026 06:27:15 EST",
		"Wednesday, 25-Nov-26 11:27:15 GMT", "Wed Nov 25 11:27:15 2026", "Wed Nov 25 11:27:15 UTC 2026", "25/Nov/2026:11:27:15 +0000", "25/Nov/2026:12:27:15 +0100",
		"Nov 25 11:27:15", "Nov 25, 2026 11:27:15 AM", "1795606035", "1795606035000", "1795606035000000", "1795606035000000000", "1795606035.0", "1.795606035e9",
		"/Date(1795606035000)/", " 2026-11-25T11:27:15Z ",
	} {
		if got, ok := moment(textOf(s), time.UTC, now); !ok || !got.Equal(want) {
			t.Errorf("%q is read as %v (%v)", s, got, ok)
		}
	}
	for s, nanos := range map[string]int{
		"2026-11-25T11:27:15.6Z": 600_000_000, "2026-11-25T11:27:15.123456789Z": 123456789, "2026-11-25T11:27:15.1234567891Z": 123456789,
		"2026-11-25 11:27:15,696": 696_000_000, "1795606035.696": 696_000_000, "1795606035.6961234": 696123400, "1795606035696": 696_000_000,
		"1795606035696123": 696123000, "1795606035696123456": 696123456, "1.795606035696e9": 696_000_000, "1795606035696.5": 696_500_000,
	} {
		got, ok := moment(textOf(s), time.UTC, now)
		if !ok || !got.Equal(want.Add(time.Duration(nanos))) {
			t.Errorf("%q is read as %v (%v)", s, got, ok)
		}
		if isNumber(s) {
			if other, ok := moment(value{kind: number, raw: s}, time.UTC, now); !ok || !other.Equal(got) {
				t.Errorf("the number %s is read as %v (%v)", s, other, ok)
			}
		}
	}
}

func TestATimeThatIsNotCertainIsNotUnderstood(t *testing.T) {
	for _, s := range []string{
		"", "-", "now", "never", "11:27:15", "2026-11-25", "25.11.2026 11:27:15", "11/25/2026 11:27:15", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
		"2026-11-25T25:00:00Z", "2026-11-25T11:61:00Z", "2026-11-25 11:27:15 CET", "2026-11-25T11:27:15X", "2026-11-25 11:27:15 PM", "2026-11-25T11:27:15+99:00",
		"Wed Nov 25 11:27:15 CET 2026", "2026-11-25T11:27:15[Europe/Berlin]", "1e400", "1e999999999", "NaN", "0x10", "2026-W48-3T11:27:15", strings.Repeat("9", 100),
		"2026-11-25T11:27:15Z and more", "12 ms", "\x00", "2026-11-25T", "20261125",
	} {
		if got, ok := moment(textOf(s), time.UTC, now); ok && got.Year() > 1971 {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}

func TestATimeWithoutAYearIsTheNearest(t *testing.T) {
	for s, c := range map[string]struct {
		now  string
		want int
	}{
		"Dec 31 23:59:59": {"2026-01-01T00:00:05Z", 2025}, "Jan  1 00:00:01": {"2025-12-31T23:59:59Z", 2026},
		"Feb 29 12:00:00": {"2028-03-01T00:00:00Z", 2028}, "Nov 25 12:00:00": {"2026-11-25T13:00:00Z", 2026},
	} {
		at, _ := time.Parse(time.RFC3339, c.now)
		if got, ok := moment(textOf(s), time.UTC, at); !ok || got.Year() != c.want {
			t.Errorf("%s at %s is read as %v", s, c.now, got)
		}
	}
}

func FuzzMoment(f *testing.F) {
	for _, s := range []string{"2026-11-25T11:27:15.6+02:00", "Nov 25 11:27:15", "1795606035.6", "[", "1e9", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		moment(textOf(s), time.UTC, now)
		readHints(s, time.UTC, now)
		levelOfName(s)
		epoch(s)
	})
}
