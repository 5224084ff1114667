package logfiles

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
)

func (h *host) run() (stop func()) {
	h.t.Helper()
	h.config.PollInterval = 5 * time.Millisecond
	h.start()
	h.reader.tracker.now = time.Now
	ctx, cancel := context.WithCancel(context.Background())
	h.reader.cancel, h.reader.done = cancel, make(chan struct{})
	go h.reader.run(ctx)
	return func() { h.must(h.reader.Shutdown(context.Background())) }
}

func (h *host) until(what string, condition func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		h.sink.mu.Lock()
		done := condition()
		h.sink.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestARefusedBatchIsTriedAgainAndAStopInBetweenLosesNothing(t *testing.T) {
	h := newHost(t, "x.log")
	stop := h.run()
	h.write("x.log", "one\n")
	h.until("the first line is there", func() bool { return len(h.sink.stored) == 1 })
	h.until("all is refused", func() bool { h.sink.shut, h.sink.calls = true, 0; return true })
	h.write("x.log", "two\nthree\n")
	h.until("it was refused twice", func() bool { return h.sink.calls > 1 })
	stop()
	h.sink.shut = false
	h.write("x.log", "four\n")
	stop = h.run()
	h.until("the rest is there", func() bool { return len(h.sink.stored) == 4 })
	stop()
	h.wants("one", "two", "three", "four")
}

func TestFilesThatAreRotatedWhileThePipelineIsFullAreStillRead(t *testing.T) {
	h := newHost(t, "x.log")
	h.sink.shut = true
	stop := h.run()
	defer stop()
	h.write("x.log", "0\n")
	var want []string
	for number := range 5 {
		h.until("the file is seen", func() bool { return h.metric("files", "") == int64(number+1) })
		h.write("x.log", fmt.Sprintf("%d again\n", number))
		want = append(want, fmt.Sprint(number), fmt.Sprintf("%d again", number))
		h.must(os.Remove(h.path("x.log")))
		if number < 4 {
			h.write("x.log", fmt.Sprintf("%d\n", number+1))
		}
	}
	h.until("it opens", func() bool { h.sink.shut = false; return true })
	h.until("all is there", func() bool { return len(h.sink.stored) == len(want) })
	h.wants(want...)
}

func TestAKillBetweenHandOverAndCheckpointGivesTheSameIds(t *testing.T) {
	h := newHost(t, "*.log").start()
	h.write("x.log", banner)
	h.poll()
	h.write("x.log", "one\n  two\n\n"+strings.Repeat("long ", 100_000)+"\n")
	h.reader.tracker.scan()
	for {
		parts := h.reader.tracker.gather()
		if len(parts) == 0 {
			break
		}
		h.must(h.sink.consume(t.Context(), h.reader.logs(parts, 1)))
		for _, one := range parts {
			one.state.advance(one.to, one.head)
		}
	}
	before := len(h.sink.stored)
	h.crash()
	h.rename("x.log", "x.log.1")
	h.start().poll()
	if len(h.sink.stored) != before || h.sink.again == 0 {
		t.Errorf("%d records became %d", before, len(h.sink.stored))
	}
}

func TestNothingIsHandedOnBeforeItsFilesIdIsOnDisk(t *testing.T) {
	h := newHost(t, "x.log").start()
	h.store.full = true
	h.write("x.log", "one\n")
	h.reader.tracker.scan()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if h.reader.round(ctx) || h.sink.calls > 0 {
		t.Fatal("lines were handed on")
	}
	h.store.full = false
	h.poll()
	h.wants("one")
	h.store.full = true
	h.write("x.log", "two\n")
	h.poll()
	h.wants("one", "two")
	h.store.full = false
	h.write("x.log", "three\n")
	h.poll()
	h.crash()
	h.start().poll()
	h.wants("one", "two", "three")
	if h.sink.again > 0 {
		t.Errorf("%d lines were read again", h.sink.again)
	}
}

func TestManyFilesHaveTheirTurnBesideALargeOne(t *testing.T) {
	h := newHost(t, "**/*.log").start()
	h.must(os.MkdirAll(h.path("deep/er"), 0o700))
	_, text := numbered("a line of the large file that is read in many batches", 0, 20_000)
	h.write("large.log", text)
	h.reader.tracker.scan()
	for number := range 300 {
		h.write(fmt.Sprintf("deep/er/%d.log", number), "small\n")
	}
	h.reader.tracker.scan()
	for range 10 {
		h.reader.round(t.Context())
	}
	small := 0
	for _, line := range h.sink.order {
		if line == "small" {
			small++
		}
	}
	if small != 300 || len(h.sink.order) > 15_000 {
		t.Errorf("after ten batches %d of the small files' lines are there, and %d in all", small, len(h.sink.order))
	}
}

func TestMoreFilesThanAreKeptOpen(t *testing.T) {
	h := newHost(t, "*.log").start()
	const files = mostOpen + 100
	var want []string
	for turn := range 3 {
		for number := range files {
			h.write(fmt.Sprintf("%d.log", number), fmt.Sprintf("%d %d\n", number, turn))
			want = append(want, fmt.Sprintf("%d %d", number, turn))
		}
		h.poll()
		h.poll()
	}
	open := 0
	for _, f := range h.reader.tracker.files {
		if f.handle != nil {
			open++
		}
	}
	if open > mostOpen {
		t.Errorf("%d files are open", open)
	}
	h.later(time.Hour)
	h.copy("1.log", "1.log.1")
	h.poll()
	h.truncate("1.log")
	h.write("1.log", "new\n")
	h.poll()
	h.later(time.Hour)
	h.wants(append(want, "new")...)
	if h.sink.again > 0 {
		t.Errorf("%d lines were read again", h.sink.again)
	}
}

func TestAfterAnUpgradeReadingGoesOnWhereFilelogWas(t *testing.T) {
	h := newHost(t, "*.log")
	h.write("x.log", banner+"read\nnot read\n")
	h.write("y.log", banner+"alike, so never read\n")
	h.write("z.log", "z\n")
	var kept strings.Builder
	encoder := json.NewEncoder(&kept)
	h.must(encoder.Encode(2))
	for first, offset := range map[string]int{banner[:1000]: len(banner) + 5, "z\n": 2} {
		h.must(encoder.Encode(map[string]any{
			"Fingerprint": map[string]any{"first_bytes": []byte(first)}, "Offset": offset, "RecordNum": 7,
			"FileAttributes": map[string]any{}, "FlushState": map[string]any{"LastDataChange": time.Now(), "LastDataLength": 0},
		}))
	}
	filelog := component.NewIDWithName(filelogType, "test").String()
	h.store.data[filelog] = map[string][]byte{filelogKey: []byte(kept.String())}
	h.start().poll()
	h.write("z.log", "new\n")
	h.poll()
	h.wants(append(bannerLines(1), "not read", "alike, so never read", "new")...)
	h.crash()
	h.write("later.log", banner+"read\nlater\n")
	h.start().poll()
	h.wants(append(bannerLines(2), "not read", "alike, so never read", "new", "read", "later")...)
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	for message, change := range map[string]func(*Config){
		"include":                               func(c *Config) { c.Include = nil },
		"a path, or a glob":                     func(c *Config) { c.Include = []string{"[x"} },
		"storage":                               func(c *Config) { c.Storage = nil },
		"max_log_size":                          func(c *Config) { c.MaxLogSize = 10 },
		"no regular expression":                 func(c *Config) { c.Multiline = &Multiline{LineStartPattern: "("} },
		"every line would begin":                func(c *Config) { c.Multiline = &Multiline{LineStartPattern: ".*"} },
		"`poll_interval` and `force_flush_peri": func(c *Config) { c.PollInterval = 0 },
	} {
		h := newHost(t, "x.log")
		if err := h.config.Validate(); err != nil {
			t.Fatal(err)
		}
		change(h.config)
		if err := h.config.Validate(); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("got %v, want %q", err, message)
		}
	}
}
