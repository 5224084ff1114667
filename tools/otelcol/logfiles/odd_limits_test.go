package logfiles

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What people report of many files, few descriptors, and checkpoints that are broken or cannot be written. Each
// test names a report.

// open-telemetry/opentelemetry-collector-contrib#50328, #46715, open-telemetry/opentelemetry-log-collection#140: more
// files than the process may open.
func TestFewerDescriptorsThanFiles(t *testing.T) {
	h := newHost(t, "*.log").start()
	const files = 300
	var want []string
	write := func(turn int) {
		for number := range files {
			line := fmt.Sprintf("%d %d", number, turn)
			h.write(fmt.Sprintf("%d.log", number), line+"\n")
			want = append(want, line)
		}
	}
	write(0)
	var limit syscall.Rlimit
	h.must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	open, err := os.ReadDir("/proc/self/fd")
	h.must(err)
	low := limit
	low.Cur = uint64(len(open) + 40)
	h.must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	defer func() { h.must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }()
	settle := func() {
		for range 3 * files / 20 {
			h.poll()
			if len(h.sink.stored) == len(want) {
				return
			}
		}
	}
	settle()
	write(1)
	settle()
	h.wants(want...)
	if other, err := os.Open("/dev/null"); err != nil {
		t.Errorf("nothing is left for the rest of the process: %v", err)
	} else {
		_ = other.Close()
	}
	h.poll()
	if failed := h.metric("unreadable_files", failing); failed > 0 {
		t.Errorf("%d files are told although all are read", failed)
	}
}

// elastic/beats#40056: thousands of files, of which a few are written; a look takes its share of the time only.
func TestThousandsOfFiles(t *testing.T) {
	h := newHost(t, "**/*.log")
	const files = 5000
	for folder := range 50 {
		h.must(os.Mkdir(h.path(fmt.Sprint(folder)), 0o700))
	}
	var want []string
	for number := range files {
		h.write(fmt.Sprintf("%d/%d.log", number%50, number), fmt.Sprintf("line %d\n", number))
		want = append(want, fmt.Sprintf("line %d", number))
	}
	h.start().poll()
	h.poll()
	h.wants(want...)
	for number := range 20 {
		h.write(fmt.Sprintf("%d/%d.log", number%50, number), fmt.Sprintf("more %d\n", number))
		want = append(want, fmt.Sprintf("more %d", number))
	}
	h.stop()
	began := time.Now()
	h.start().poll()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a start took %s", took)
	}
	h.wants(want...)
	if h.sink.again > 0 {
		t.Errorf("%d lines were read again", h.sink.again)
	}
}

// grafana/loki#6268, #1457, #1460: what is kept of files is broken, and nothing is read for ever.
func TestBrokenCheckpointsCostTheirFilesOnly(t *testing.T) {
	rubbish := map[string][]byte{"zeros": make([]byte, 100), "half": []byte(`{"id":"ABC`), "empty": {}, "gone": nil, "another": []byte(`{"id":"ANOTHER"}`)}
	for name, text := range rubbish {
		for _, index := range []bool{false, true} {
			if index && name == "another" {
				continue
			}
			t.Run(fmt.Sprint(name, index), func(t *testing.T) {
				h := newHost(t, "*.log").start()
				h.write("x.log", "of x\n")
				h.write("y.log", "of y\n")
				h.poll()
				h.stop()
				breakOne(h, index, text)
				h.write("x.log", "of x, later\n")
				h.start().poll()
				h.atLeast("of x\nof x, later\nof y\n")
				if !index && len(h.sink.stored) != 4 {
					t.Errorf("%d lines are stored, want one twice", len(h.sink.stored))
				}
				if broken := h.metric("broken_checkpoints", ""); broken != 1 && !(index && name == "gone") {
					t.Errorf("%d broken checkpoints are counted, want 1", broken)
				}
				h.stop()
				stored := len(h.sink.stored)
				h.write("x.log", "in the end\n")
				h.start().poll()
				if len(h.sink.stored) != stored+1 {
					t.Errorf("%d lines more after another start", len(h.sink.stored)-stored)
				}
				if broken := h.metric("broken_checkpoints", ""); broken != 0 {
					t.Errorf("still broken: %d", broken)
				}
			})
		}
	}
}

// breakOne overwrites the list of files, or what is kept of y.log.
func breakOne(h *host, index bool, text []byte) {
	for _, data := range h.store.data {
		for key, was := range data {
			if index && key == indexKey || !index && strings.Contains(string(was), "/y.log") {
				if data[key] = text; text == nil {
					delete(data, key)
				}
			}
		}
	}
}

// A disk that is full while files are rotated: lines wait, none is lost, none comes twice.
func TestAFullDiskWhileFilesAreRotated(t *testing.T) {
	h := newHost(t, "x.log")
	stop := h.run()
	h.write("x.log", "one\n")
	h.until("the first line is there", func() bool { return len(h.sink.stored) == 1 })
	h.store.mu.Lock()
	h.store.full = true
	h.store.mu.Unlock()
	for number := range 3 {
		h.write("x.log", fmt.Sprintf("before %d\n", number))
		h.rename("x.log", fmt.Sprintf("x.log.%d", number+1))
		h.write("x.log", fmt.Sprintf("after %d\n", number))
		h.until("the file is followed", func() bool { return h.metric("files", "") == int64(number+2) })
	}
	h.store.mu.Lock()
	h.store.full = false
	h.store.mu.Unlock()
	h.until("all is there", func() bool { return len(h.sink.stored) == 7 })
	stop()
	h.wants("one", "before 0", "after 0", "before 1", "after 1", "before 2", "after 2")
}

// A clock that jumps makes no file another, and ends no line before its time or never.
func TestAClockThatJumps(t *testing.T) {
	began := time.Date(1970, 1, 1, 0, 0, 30, 0, time.UTC)
	elapsed := time.Minute
	now := steady(began, func() time.Duration { return elapsed })
	if found := now(); !found.Equal(began.Add(time.Minute)) {
		t.Errorf("it is %s", found)
	}
	for _, jump := range []time.Duration{400 * 24 * time.Hour, -400 * 24 * time.Hour} {
		h := newHost(t, "*.log").start()
		h.write("x.log", "one\n")
		h.poll()
		h.stop()
		h.clock = h.clock.Add(jump)
		past := h.clock
		h.must(os.Chtimes(h.path("x.log"), past, past))
		h.write("y.log", "two\n")
		h.start().poll()
		h.write("x.log", "three\n")
		h.rename("x.log", "x.log.1")
		h.write("x.log", "half")
		h.poll()
		h.later(time.Minute)
		h.wants("one", "two", "three", "half")
	}
}
