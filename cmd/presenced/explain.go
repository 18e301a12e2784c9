package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rehearse"
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
	var l look
	cmd := &cobra.Command{
		Use:   "explain FILE",
		Short: "What RADIUS packets (hex, a capture or text of any tool) would come to, and by which rule",
		Example: `presenced explain capture.pcap
tail -n 20 /var/log/freeradius/radacct/10.0.0.1/detail | presenced explain -
freeradius -X | presenced explain --domain example.com -
presenced explain packet.hex --client hq-wlc --json`,
		Long: "Prints what each Accounting-Request in FILE (- for the standard input) would come to under this\n" +
			"configuration, with the rule that decided. Nothing is recorded, and no secret is looked at. Without a\n" +
			"configuration, --domain and --ssid do for a first look.\n\n" +
			"FILE is what `presenced rehearse` reads too: octets in hexadecimal, a capture, a FreeRADIUS detail file,\n" +
			"what freeradius -X, radclient -x and radsniff -x print, attributes on one line, radacct, NPS, Cisco ISE.",
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := p.configuration(cmd, &l)
			if err != nil {
				return err
			}
			form, _, err := l.form()
			if err != nil {
				return err
			}
			cfg.Mapping.Identity.Withdrew = p.withdrew(cmd.Context())
			all := []explanation{}
			err = p.explainFile(cfg, args[0], name, form, func(e explanation) error {
				if p.json {
					all = append(all, e)
					return nil
				}
				if e.Packet > 1 {
					fmt.Fprintln(p.stdout)
				}
				return p.printExplanation(e)
			})
			if err == nil && p.json {
				err = p.printJSON(all)
			}
			return err
		},
	}
	l.flags(cmd)
	cmd.Flags().StringVar(&name, "client", "", "take the packets as `CLIENT`'s, whatever their source")
	return p.listing(cmd)
}

// explainFile tells what each packet of a file would come to, and what in it cannot
// be read.
func (p *program) explainFile(cfg *configs.Config, file, client string, form radiusacct.Form, tell func(explanation) error) error {
	in := os.Stdin
	if file != "-" {
		var err error
		if in, err = os.Open(file); err != nil {
			return err
		}
		defer in.Close()
	}
	packets, err := radiusacct.NewReader(in, form)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for n := 0; ; {
		packet, err := packets.Next()
		var flaw *radiusacct.Flaw
		switch {
		case errors.As(err, &flaw) && n > 0: // the rest may be better
			fmt.Fprintf(p.stderr, "%s: %s\n", file, terminal.Printable(err.Error()))
			continue
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: there is no Accounting-Request", file)
		case err != nil:
			return fmt.Errorf("%s: %w", file, err)
		}
		n++
		e, err := explainPacket(cfg, packet, client)
		if err != nil {
			return err
		}
		e.Packet = n
		if err := tell(e); err != nil {
			return err
		}
	}
}

// explainPacket says what a packet would come to.
func explainPacket(cfg *configs.Config, packet radiusacct.Packet, client string) (explanation, error) {
	c, known, err := explainedClient(cfg, client, packet.Source.Addr())
	if err != nil {
		return explanation{}, err
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
	if e.Unknown = append([]string{}, packet.Unknown...); !known {
		unknown, remedy := "which client sent it is not known", "name one with --client"
		if packet.Source.IsValid() {
			unknown = "no [[radius.client]] has the source address " + packet.Source.Addr().Unmap().String()
			remedy = "add a [[radius.client]] for it, or name one with --client"
		}
		e.Rules = append([]presence.Source{{Question: "client", Answer: c.Name, Attribute: unknown}}, e.Rules...)
		e.Decision += "; but " + unknown + ": what is no client's is met with silence"
		if e.Remedy == "" {
			e.Remedy = remedy
		} else {
			e.Remedy += "; " + remedy
		}
	}
	return e, nil
}

// withdrew asks the daemon, or its file while none runs, who opted out at presenced itself;
// who may ask neither, as on a host where none is, goes by the configuration alone.
func (p *program) withdrew(ctx context.Context) mapping.Withdrew {
	known := map[string]bool{}
	ask := sync.OnceValue(func() func(names []string) (bool, error) {
		nobody := func([]string) (bool, error) { return false, nil }
		at, err := p.place()
		if err != nil {
			return nobody
		}
		daemon := control.Dial(at.socket)
		if !errors.Is(daemon.Ping(ctx), control.ErrNotRunning) {
			return func(names []string) (bool, error) { return daemon.OptedOut(ctx, names...) }
		}
		if _, err := os.Stat(at.store); err != nil {
			return nobody
		}
		s, err := at.file()
		if err != nil {
			return nobody
		}
		defer s.Close()
		key, when, err := presence.OptOuts(ctx, s)
		return func(names []string) (bool, error) {
			return slices.ContainsFunc(names, func(name string) bool { return !when[presence.HashName(key, name)].IsZero() }), err
		}
	})
	return func(names ...string) bool {
		of := strings.Join(names, "\x00")
		out, asked := known[of]
		if !asked {
			out, _ = ask()(names)
			known[of] = out
		}
		return out
	}
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

// explainedClient finds the client whose packet it is: the one that was named, else
// the one with the source's address, else the only one if the source is not known. It
// reports whether it is any client's.
func explainedClient(cfg *configs.Config, name string, source netip.Addr) (radiusacct.Client, bool, error) {
	if name != "" {
		for _, c := range cfg.Radius.Clients {
			if name == c.Name {
				return c, true, nil
			}
		}
		return radiusacct.Client{}, false, fmt.Errorf("there is no [[radius.client]] %q", name)
	}
	if source.IsValid() {
		if c := rehearse.Client(cfg, source.Unmap()); c != nil {
			return *c, true, nil
		}
	}
	if only := cfg.Radius.Clients; len(only) == 1 && (!source.IsValid() || only[0].Prefix.Bits() == 0) {
		return only[0], true, nil
	}
	if sites := cfg.Mapping.Sites; len(sites) == 1 && len(sites[0].NAS)+len(sites[0].Locations) == 0 {
		return radiusacct.Client{Name: "unknown", Site: sites[0].Name}, false, nil // as a client of its own would be
	}
	return radiusacct.Client{Name: "unknown"}, false, nil
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
