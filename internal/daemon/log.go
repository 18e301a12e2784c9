package daemon

import (
	"io"
	"log/slog"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/sirupsen/logrus"
	hook "github.com/sirupsen/logrus/hooks/slog"

	"github.com/presenced/presenced/configs"
)

// NewLog returns the log as it is configured. Under systemd, whose journal has
// the time, lines begin with their priority instead (sd-daemon(3)).
func NewLog(out io.Writer, cfg configs.Log) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	setLog(log, cfg)
	return log
}

// setLog makes a changed configuration count.
func setLog(log *logrus.Logger, cfg configs.Log) {
	level, err := logrus.ParseLevel(cfg.Level)
	if err != nil {
		level = logrus.InfoLevel // the configuration was checked, this is a mistake of ours
	}
	log.SetLevel(level)
	journaled, _ := journal.StderrIsJournalStream()
	var format logrus.Formatter = &logrus.TextFormatter{FullTimestamp: true, DisableTimestamp: journaled, DisableColors: true}
	if cfg.Format == "json" {
		format = &logrus.JSONFormatter{DisableTimestamp: journaled}
	}
	if journaled {
		format = priority{format}
	}
	said := new(saids)
	if now, ok := log.Formatter.(limitedLog); ok {
		said = now.said
	}
	log.SetFormatter(limitedLog{format, said})
}

// priority puts the priority of sd-daemon(3) in front of each line.
type priority struct{ logrus.Formatter }

// Format implements [logrus.Formatter].
func (f priority) Format(e *logrus.Entry) ([]byte, error) {
	line, err := f.Formatter.Format(e)
	if err != nil {
		return nil, err
	}
	prefix := "<6>"
	switch {
	case e.Level <= logrus.FatalLevel:
		prefix = "<2>"
	case e.Level == logrus.ErrorLevel:
		prefix = "<3>"
	case e.Level == logrus.WarnLevel:
		prefix = "<4>"
	case e.Level >= logrus.DebugLevel:
		prefix = "<7>"
	}
	return append([]byte(prefix), line...), nil
}

// asSlog returns log as every package but this one writes to it.
func asSlog(log *logrus.Logger) *slog.Logger { return slog.New(hook.NewHandler(log, nil)) }
