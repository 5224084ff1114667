package logfiles

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const trace = `2026-11-25 11:27:15,696 ERROR orders - no stock
java.lang.IllegalStateException: no stock
	at shop.Orders.reserve(Orders.java:41)

	at shop.Orders.place(Orders.java:17)
Caused by: java.sql.SQLException: closed
	... 12 more`

func multiline(t *testing.T) *host {
	t.Helper()
	h := newHost(t, "x.log")
	h.config.Multiline = &Multiline{LineStartPattern: `^\d{4}-\d{2}-\d{2} `}
	return h
}

func TestAStackTraceIsOneRecord(t *testing.T) {
	h := multiline(t).start()
	h.write("x.log", "2026-11-25 11:27:14,000 INFO before\n"+trace+"\n2026-11-25 11:27:16,000 INFO after\n")
	h.poll()
	h.wants("2026-11-25 11:27:14,000 INFO before", trace)
	h.later(defaultWait)
	h.wants("2026-11-25 11:27:14,000 INFO before", trace, "2026-11-25 11:27:16,000 INFO after")
}

func TestARecordIsWholeAcrossPollsRestartsAndRotation(t *testing.T) {
	pieces := strings.SplitAfter(trace+"\n", "\n")
	for name, between := range map[string]func(h *host, n int){
		"polls":    func(h *host, _ int) { h.poll() },
		"restarts": func(h *host, _ int) { h.poll(); h.stop(); h.start() },
		"kills":    func(h *host, _ int) { h.poll(); h.crash(); h.start() },
		"rotation": func(h *host, n int) {
			h.poll()
			if n == 4 {
				h.rename("x.log", "x.log.1")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := multiline(t).start()
			for n, piece := range pieces {
				if n == 5 && name == "rotation" {
					h.write("x.log.1", piece)
				} else {
					h.write("x.log", piece)
				}
				between(h, n)
			}
			h.poll()
			h.later(time.Minute)
			if name == "rotation" {
				h.wants(strings.Join(pieces[:6], "")[:len(strings.Join(pieces[:6], ""))-1], "	... 12 more")
				return
			}
			h.wants(trace)
		})
	}
}

func TestLimitsOfARecord(t *testing.T) {
	h := multiline(t)
	h.config.Multiline.MaxLines, h.config.MaxLogSize = 3, 1024
	h.start()
	start := "2026-11-25 begins"
	h.write("x.log", "no beginning\n"+start+"\n 1\n 2\n 3\n"+start+"\n 1\n 2\n"+start+"\n")
	long := strings.Repeat("y", 900)
	h.write("x.log", " "+long+"\n "+long+"\n"+start+" "+strings.Repeat("z ", 600)+"\n")
	h.poll()
	h.later(time.Minute)
	cut := h.sink.order[len(h.sink.order)-2]
	if len(cut) > 1024 || !strings.HasSuffix(cut, "z") {
		t.Errorf("a line was cut within a word or not at all: %q", cut)
	}
	h.wants("no beginning", start+"\n 1\n 2", " 3", start+"\n 1\n 2", start+"\n "+long, " "+long,
		cut, strings.TrimSuffix(strings.TrimPrefix(start+" "+strings.Repeat("z ", 600), cut+" "), " "))
	if split := h.metric("split_records", ""); split != 3 {
		t.Errorf("split_records is %d, want 3", split)
	}
}

func TestWhatEndsARecordInTimeDoesNotChangeAfterAKill(t *testing.T) {
	for _, lines := range []*Multiline{nil, {LineStartPattern: "^start"}} {
		h := newHost(t, "x.log")
		h.config.Multiline = lines
		h.start()
		h.write("x.log", "start not ended")
		h.poll()
		h.wants()
		h.sink.shut = true
		h.clock = h.clock.Add(time.Minute)
		h.reader.tracker.scan()
		parts := h.reader.tracker.gather()
		if len(parts) != 1 || !h.reader.save(t.Context()) {
			t.Fatal("the line was not given up waiting for")
		}
		h.sink.shut = false
		h.must(h.sink.consume(t.Context(), h.reader.logs(parts, 1)))
		h.crash() // after the pipeline took it, before the checkpoint
		h.write("x.log", " continued\n")
		h.start().poll()
		h.later(time.Minute)
		h.wants("start not ended", " continued")
		if h.sink.again != 1 {
			t.Errorf("the line came %d times more", h.sink.again)
		}
	}
}

func TestRecordsOfSeveralLinesInUTF16(t *testing.T) {
	h := newHost(t, "x.log")
	h.config.Multiline = &Multiline{LineStartPattern: "^start"}
	h.start()
	h.write("x.log", utf16le("\uFEFFstart Grüße 😀\r\n  Ċ more\r\nstart\r\n"))
	h.poll()
	h.later(time.Minute)
	h.wants("start Grüße 😀\n  Ċ more", "start")
}

func TestOneRecordLongerThanABatchDoesNotStopReading(t *testing.T) {
	h := newHost(t, "x.log")
	h.config.Multiline = &Multiline{LineStartPattern: "^start", MaxLines: 100_000}
	h.start()
	var text strings.Builder
	for number := range 100_000 {
		fmt.Fprintf(&text, "line %d of a record that has no end\n", number)
	}
	h.write("x.log", "start\n"+text.String()+"start\n")
	h.poll()
	h.later(time.Minute)
	if found := strings.Join(h.sink.order, "\n"); found != "start\n"+text.String()+"start" {
		t.Errorf("of %d bytes %d are there", text.Len(), len(found))
	}
}
