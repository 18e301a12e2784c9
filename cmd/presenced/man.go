package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// man writes the manual from the help texts, for whoever makes packages.
func (p *program) man() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write a manual page for each verb into a folder",
		Example: "presenced man /usr/local/share/man/man1",
		Args:    asUsed,
		Hidden:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			date, err := manDate()
			if err != nil {
				return err
			}
			header := doc.GenManHeader{Section: "1", Source: "presenced", Manual: "presenced manual", Date: &date}
			return doc.GenManTree(cmd.Root(), &header, args[0])
		},
	}
}

// manDate is the date on the pages: that of the sources where the build says
// so, so that the same sources give the same pages.
func manDate() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
