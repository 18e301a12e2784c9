package daemon

import (
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	linesAtOnce = 20          // of one text within linesIn
	linesIn     = time.Minute // what is left out meanwhile is counted on the next line of that text
	textsMost   = 1000        // texts that are counted; they come from the program, not from packets
)

// limitedLog is a formatter that writes no more lines of one text than an operator
// could read, whoever may cause them: the journal has a limit of its own, and
// what a flood of one thing is over it everything else would be lost with.
type limitedLog struct {
	logrus.Formatter
	said *saids
}

// saids counts lines by their text.
type saids struct {
	mu sync.Mutex // guards what follows
	of map[said]*spell
}

type said struct {
	level logrus.Level
	text  string
}

// spell is the minute since a text was first written.
type spell struct {
	began   time.Time
	lines   int
	omitted int
}

// Format implements [logrus.Formatter]. A line that is left out is empty.
func (f limitedLog) Format(e *logrus.Entry) ([]byte, error) {
	omitted, write := f.said.count(said{e.Level, e.Message}, e.Time)
	switch {
	case !write:
		return nil, nil
	case omitted > 0:
		told := e.WithField("omitted_before", omitted)
		told.Level, told.Message, told.Buffer, told.Caller = e.Level, e.Message, e.Buffer, e.Caller
		e = told
	}
	return f.Formatter.Format(e)
}

// count reports whether a line of the text is to be written, and how many like
// it were left out before it.
func (s *saids) count(of said, now time.Time) (omitted int, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.of[of]
	if last == nil && len(s.of) >= textsMost {
		clear(s.of)
	}
	if last == nil || now.Sub(last.began) >= linesIn || now.Before(last.began) {
		if last != nil {
			omitted = last.omitted
		}
		if s.of == nil {
			s.of = map[said]*spell{}
		}
		s.of[of] = &spell{began: now, lines: 1}
		return omitted, true
	}
	if last.lines < linesAtOnce {
		last.lines++
		return 0, true
	}
	last.omitted++
	return 0, false
}
