package logrecord

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
)

// names of levels, in any case, and what each is here.
var names = map[string]string{
	"trace": "debug", "verbose": "debug", "debug": "debug", "fine": "debug", "finer": "debug", "finest": "debug",
	"config": "debug", "silly": "debug", "trce": "debug", "dbug": "debug", "vrb": "debug", "dbg": "debug", "debug1": "debug",
	"info": "info", "information": "info", "informational": "info", "notice": "info", "http": "info", "log": "info",
	"success": "info", "default": "info", "inf": "info", "audit": "info",
	"warn": "warning", "warning": "warning", "wrn": "warning",
	"err": "error", "error": "error", "severe": "error", "fail": "error", "failure": "error", "eror": "error",
	"critical": "critical", "crit": "critical", "fatal": "critical", "panic": "critical", "dpanic": "critical",
	"alert": "critical", "emerg": "critical", "emergency": "critical", "crash": "critical", "off": "", "ftl": "critical",
	"crt": "critical",
	// glog, klog, logcat and short forms.
	"t": "debug", "v": "debug", "d": "debug", "i": "info", "n": "info", "w": "warning", "e": "error", "f": "critical", "c": "critical",
}

// plainLevels are names that hardly mean anything else, whatever the key.
var plainLevels = map[string]bool{
	"debug": true, "info": true, "warn": true, "warning": true, "error": true, "critical": true, "fatal": true,
}

// levelOfName reads a name, also with slog's distance behind it: ERROR+2, DEBUG-4.
func levelOfName(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 16 {
		return "", false
	}
	if at := strings.IndexAny(s, "+-"); at > 0 && digits(s[at+1:]) > 0 && at+1+digits(s[at+1:]) == len(s) {
		// Below DEBUG slog has no name, and above INFO there is room for a notice.
		s = s[:at]
	}
	level := names[strings.ToLower(s)]
	return level, level != ""
}

// scale says which numbers a key's numbers are.
type scale uint8

const (
	noNumbers scale = iota
	// pino and bunyan: 10 to 60. Numbers below ten mean one thing to syslog and
	// another to .NET (they are understood in GELF), hundreds one thing to Monolog
	// and another to Google's logging.
	anyScale
	// Python's logging: 10 to 50.
	pythonScale
	// OpenTelemetry's: 1 to 24.
	otelScale
	// logback's and log4j's: 5000 to 50000.
	javaScale
	// RFC 5424: 0 to 7.
	syslogScale
)

func levelOfNumber(raw string, scale scale) (string, bool) {
	n, err := strconv.Atoi(raw)
	if err != nil || n < 0 {
		return "", false
	}
	pick := func(limits []int, levels ...string) (string, bool) {
		for i, limit := range limits {
			if n <= limit {
				return levels[i], true
			}
		}
		return "", false
	}
	five := []string{"debug", "info", "warning", "error", "critical"}
	switch {
	case scale == syslogScale:
		return pick([]int{2, 3, 4, 6, 7}, "critical", "error", "warning", "info", "debug")
	case scale == otelScale && n > 0:
		return pick([]int{8, 12, 16, 20, 24}, five...)
	case scale == javaScale && n >= 1000:
		return pick([]int{19999, 29999, 39999, 49999, 1 << 30}, five...)
	case scale == pythonScale && n > 0:
		return pick([]int{19, 29, 39, 49, 100}, five...)
	case scale == anyScale && n >= 10 && n < 100:
		return pick([]int{29, 39, 49, 59, 99}, five...)
	}
	return "", false
}

func levelOfSeverity(number plog.SeverityNumber) (string, bool) {
	return levelOfNumber(strconv.Itoa(int(number)), otelScale)
}
