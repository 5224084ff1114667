package logrecord

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

// logger is a line as a logger writes it by default; docs/how-to/log-formats.md
// has a row for each.
type logger struct {
	Name, Format, Line, Level string
	Time, Message             *string // null: the time of reading, the whole line
	Fields                    map[string]any
}

func TestLinesOfTheUsualLoggers(t *testing.T) {
	data, err := os.ReadFile("testdata/loggers.json")
	if err != nil {
		t.Fatal(err)
	}
	var loggers []logger
	if err := json.Unmarshal(data, &loggers); err != nil {
		t.Fatal(err)
	}
	if len(loggers) < 50 {
		t.Fatalf("only %d loggers", len(loggers))
	}
	r := newTest(t, testConfig())
	for _, l := range loggers {
		got := made(t, r, l.Format, l.Line)
		time, message := read, l.Line
		if l.Time != nil {
			time = *l.Time
		}
		if l.Message != nil {
			message = *l.Message
		}
		if got["at"] != time || got["log_level"] != l.Level || got["message"] != message || got["parse_error"] != nil || got["unparsed"] != nil {
			t.Errorf("%s:\n got %v %v %q, %v %v\nwant %s %s %q", l.Name, got["at"], got["log_level"], got["message"],
				got["parse_error"], got["unparsed"], time, l.Level, message)
		}
		for key, want := range l.Fields {
			gotText, _ := json.Marshal(got[key])
			var have any
			_ = json.Unmarshal(gotText, &have)
			if !reflect.DeepEqual(have, want) {
				t.Errorf("%s: %s is %v, want %v", l.Name, key, got[key], want)
			}
		}
	}
}
