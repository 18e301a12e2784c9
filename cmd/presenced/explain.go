package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// explanation is what one packet would come to, and by which rules.
type explanation struct {
	Packet    int               `json:"packet"` // counted from 1
	Source    string            `json:"source"`
	Client    string            `json:"client"`
	Status    string            `json:"status"`
	Identity  string            `json:"identity"`
	User      string            `json:"user"`
	Device    string            `json:"device"`
	SSID      string            `json:"ssid"`
	AP        string            `json:"ap"`
	NAS       string            `json:"nas"`
	Site      string            `json:"site"`
	EventTime control.Time      `json:"event_time"`
	Decision  string            `json:"decision"`
	Remedy    string            `json:"remedy"`
	Rules     []presence.Source `json:"rules"`   // each answer, and the attribute or rule that gave it
	Unknown   []string          `json:"unknown"` // attribute names of a detail record that are not known here
}

func (p *program) explain() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "explain FILE",
		Short: "What RADIUS packets (hex, pcap or a FreeRADIUS detail record) would come to, and by which rule",
		Example: `presenced explain capture.pcap
tail -n 20 /var/log/freeradius/radacct/10.0.0.1/detail | presenced explain -
presenced explain packet.hex --client hq-wlc --json`,
		Long: "Prints what each Accounting-Request in FILE (- for the standard input) would come to under this\n" +
			"configuration, with the rule that decided. Nothing is recorded, and no secret is checked.",
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			all, err := explainFile(cfg, args[0], name)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(all)
			}
			for i, e := range all {
				if i > 0 {
					fmt.Fprintln(p.stdout)
				}
				if err := p.printExplanation(e); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "client", "", "take the packets as `CLIENT`'s, whatever their source")
	return p.listing(cmd)
}

// explainFile explains the packets of a file.
func explainFile(cfg *configs.Config, file, client string) ([]explanation, error) {
	in := os.Stdin
	if file != "-" {
		var err error
		if in, err = os.Open(file); err != nil {
			return nil, err
		}
		defer in.Close()
	}
	packets, err := radiusacct.ReadPackets(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	all := []explanation{}
	for i, packet := range packets {
		c, err := explainedClient(cfg, client, packet.Source.Addr())
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", i+1, err)
		}
		heard := packet.Heard
		if heard.IsZero() {
			heard = time.Now()
		}
		record, err := radiusacct.Decode(packet.Octets, c, packet.Source, heard, cfg.Radius.MaxSkew)
		e := explainRecord(&cfg.Mapping, record)
		if err != nil { // the other packets of the file may be better
			e = explanation{Client: c.Name, Decision: "is met with silence: " + err.Error(), Rules: []presence.Source{}}
		}
		e.Packet, e.Unknown = i+1, append([]string{}, packet.Unknown...)
		all = append(all, e)
	}
	return all, nil
}

// explainRecord says what a record would come to.
func explainRecord(rules *mapping.Rules, r presence.Record) explanation {
	reading := rules.Explain(&r)
	e := explanation{
		Client: r.Client, Status: r.Status.String(), Device: r.Device, SSID: r.SSID, AP: reading.AP,
		NAS: string(r.NAS()), Site: reading.Site, EventTime: control.Time{Time: r.At},
	}
	when := presence.Source{Question: "event time", Answer: r.At.Local().Format(time.RFC3339), Attribute: r.AtFrom}
	e.Rules = slices.Concat([]presence.Source{when}, r.From, reading.Steps)
	if r.Source.IsValid() {
		e.Source = r.Source.String()
	}
	for _, step := range reading.Steps {
		if step.Question == "identity" {
			e.Identity = step.Answer
		}
	}
	if reading.Nobody.Kind == "" {
		e.User = reading.User
	}
	switch {
	case r.Status == presence.AccountingOn || r.Status == presence.AccountingOff:
		e.Decision = "sessions on " + string(r.NAS()) + " that began before are suspect, and held for outage_hold"
	case reading.Nobody.Kind != "":
		e.Decision, e.Remedy = "leads to nobody: "+reading.Nobody.Reason, reading.Nobody.Remedy
	case r.Status == presence.Stop:
		e.Decision = reading.User + "'s device left " + reading.Site
	default:
		e.Decision = reading.User + "'s device is at " + reading.Site
	}
	return e
}

// explainedClient finds the client whose packet it is: the one that was
// named, else the one with the source's address, else the only one.
func explainedClient(cfg *configs.Config, name string, source netip.Addr) (radiusacct.Client, error) {
	var found *radiusacct.Client
	clients := cfg.Radius.Clients
	for i, c := range clients {
		longer := found == nil || c.Prefix.Bits() > found.Prefix.Bits()
		if name == c.Name || name == "" && source.IsValid() && c.Prefix.Contains(source.Unmap()) && longer {
			found = &clients[i]
		}
	}
	switch {
	case found != nil:
		return *found, nil
	case name != "":
		return radiusacct.Client{}, fmt.Errorf("there is no [[radius.client]] %q", name)
	case len(clients) == 1:
		return clients[0], nil
	case source.IsValid():
		return radiusacct.Client{}, fmt.Errorf("no [[radius.client]] has the source address %s: add one, or name one with --client", source)
	}
	return radiusacct.Client{}, fmt.Errorf("which client sent it? Name one with --client")
}

// printExplanation prints an explanation to be read.
func (p *program) printExplanation(e explanation) error {
	from := ""
	if e.Source != "" {
		from = " from " + e.Source
	}
	fmt.Fprintln(p.stdout, p.stdout.Bold(fmt.Sprintf("packet %d: %s%s, client %s", e.Packet, e.Status, from, terminal.Printable(e.Client))))
	rules := make([][]string, len(e.Rules))
	for i, rule := range e.Rules {
		rules[i] = []string{"  " + rule.Question, terminal.Printable(rule.Answer), terminal.Printable(rule.Attribute)}
	}
	if _, err := io.WriteString(p.stdout, terminal.Align(rules)); err != nil {
		return err
	}
	for _, name := range e.Unknown {
		fmt.Fprintf(p.stdout, "  attribute %s is not known here\n", terminal.Printable(name))
	}
	text := p.stdout.Hang("  → ", 4, terminal.Printable(e.Decision))
	if e.Remedy != "" {
		text += p.stdout.Hang("    ", 4, terminal.Printable(e.Remedy))
	}
	_, err := io.WriteString(p.stdout, text)
	return err
}
