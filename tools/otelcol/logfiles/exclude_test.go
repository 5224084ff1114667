package logfiles

import "testing"

func TestOfTwoGlobsThatMatchAFileOneReadsIt(t *testing.T) {
	vague, narrow := newHost(t, "*.log"), newHost(t, "a-*.log")
	narrow.dir = vague.dir
	narrow.config.Include = []string{vague.path("a-*.log")}
	vague.config.Exclude = narrow.config.Include
	vague.start()
	narrow.start()
	both := func() { vague.poll(); narrow.poll() }
	vague.write("a-1.log", "narrow 1\n")
	vague.write("b.log", "vague 1\n")
	both()
	vague.rename("a-1.log", "a-1.log-20261125")
	vague.rename("b.log", "b.log.1")
	vague.write("a-1.log-20261125", "narrow 2\n")
	vague.write("a-1.log", "narrow 3\n")
	vague.write("b.log", "vague 2\n")
	both()
	vague.wants("vague 1", "vague 2")
	narrow.wants("narrow 1", "narrow 2", "narrow 3")
}

func TestAFileThatIsLeftAloneIsSoAfterItsRotationToo(t *testing.T) {
	for _, pattern := range []string{"*.log", "*"} {
		t.Run(pattern, func(t *testing.T) {
			h := newHost(t, pattern)
			h.config.Exclude = []string{h.path("audit.log")}
			h.write("audit.log", "not ours 1\n")
			h.write("cart.log", "ours 1\n")
			h.start().poll()
			h.rename("audit.log", "audit.log-20261125")
			h.rename("cart.log", "cart.log-20261125")
			h.write("audit.log", "not ours 2\n")
			h.write("audit-2026-11-25.log", "not ours 3\n")
			h.write("cart.log", "ours 2\n")
			h.poll()
			h.wants("ours 1", "ours 2")
		})
	}
}
