package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) client() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "client VERB",
		Short:   "Who may send accounting: add one",
		Example: "presenced client add paris-wlc 10.30.0.5 --site paris --vendor cisco",
		Args:    asUsed,
		RunE: func(*cobra.Command, []string) error {
			p.understood = false
			return errors.New("a verb is missing: add")
		},
	}
	cmd.AddCommand(p.clientAdd())
	return cmd
}

// newClient is a client to be added.
type newClient struct {
	name, address, site, vendor string
	stay                        bool // nothing is restarted
}

func (p *program) clientAdd() *cobra.Command {
	var c newClient
	cmd := &cobra.Command{
		Use:   "add NAME ADDRESS",
		Short: "A controller more: makes its secret, adds its table, has the daemon know it, prints the controller's lines",
		Long: "Makes a secret, in the folder secrets beside the configuration, and adds a [[radius.client]] to it. Then the service is\n" +
			"restarted, because systemd copies secrets when a service starts and never again; the socket unit holds the port\n" +
			"meanwhile, so that no packet is lost. A daemon that systemd does not run reads its configuration again instead.\n" +
			"Last it prints what to enter on the controller. It takes root.",
		Example: `  sudo presenced client add paris-wlc 10.30.0.5 --site paris --vendor cisco
  sudo presenced client add lab-aps 10.40.0.0/24
  presenced watch --packets --client paris-wlc`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.name, c.address = args[0], args[1]
			if _, ok := vendors[c.vendor]; !ok {
				p.understood = false
				return fmt.Errorf("--vendor %q is none of %s", c.vendor, strings.Join(vendorNames(), ", "))
			}
			return p.addClient(cmd.Context(), c)
		},
	}
	cmd.Flags().StringVar(&c.site, "site", "", "the `SITE` that its records belong to; not needed if there is but one")
	cmd.Flags().StringVar(&c.vendor, "vendor", "other", "whose lines to print: `VENDOR` is one of "+strings.Join(vendorNames(), ", "))
	cmd.Flags().BoolVar(&c.stay, "no-restart", false, "leave it to you to restart the service")
	cmd.RegisterFlagCompletionFunc("vendor", cobra.FixedCompletions(vendorNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("site", p.completeSite)
	return cmd
}

// addClient adds the client. Whatever goes wrong before the configuration is written
// leaves nothing behind.
func (p *program) addClient(ctx context.Context, c newClient) error {
	file, err := c.secretFile(p.config)
	if err != nil {
		return err
	}
	secret := rand.Text()
	if err := writeSecret(file, secret); err != nil {
		return err
	}
	if err := p.writeClient(c); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	fmt.Fprintf(p.stdout, "%s has a [[radius.client]] %q; its secret is in %s\n", p.config, c.name, file)
	if err := p.makeKnown(ctx, c); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "\n%s\nThen see its packets come: presenced watch --packets --client %s\n", vendors[c.vendor](here(c.address), secret), c.name)
	return err
}

// secretFile is where the secret of the client is to be.
func (c *newClient) secretFile(config string) (string, error) {
	if c.name == "" || strings.ContainsAny(c.name, "/\x00") || strings.HasPrefix(c.name, ".") {
		return "", fmt.Errorf("%q is no name for a client: it names a file too", c.name)
	}
	folder := filepath.Join(filepath.Dir(config), configs.Secrets)
	if given := os.Getenv("CREDENTIALS_DIRECTORY"); given != "" { // in a container
		folder = given
	}
	return filepath.Join(folder, c.name), nil
}

// writeSecret writes a secret into a file that must not be there yet.
func writeSecret(file, secret string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the secret: %w", err)
	}
	_, err = f.WriteString(secret + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// writeClient adds the client's table to the configuration, if that is good with it.
func (p *program) writeClient(c newClient) error {
	text, err := os.ReadFile(p.config)
	if err != nil {
		return err
	}
	table := fmt.Sprintf("\n[[radius.client]]\nname        = %q\naddress     = %q\nsecret_file = %q\n", c.name, c.address, "${CREDENTIALS_DIRECTORY}/"+c.name)
	if c.site != "" {
		table += fmt.Sprintf("site        = %q\n", c.site)
	}
	text = append([]byte(strings.TrimRight(string(text), "\n")+"\n"), table...)
	if _, err := configs.Parse(p.config, text, filepath.Dir(p.config)); err != nil {
		return err
	}
	return replace(p.config, text)
}

// replace writes a file in the place of one that is there, with its mode and owner, as a
// whole or not at all.
func replace(file string, text []byte) (err error) {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		err = errors.Join(err, f.Chown(int(owner.Uid), int(owner.Gid)))
	}
	if err := errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// makeKnown has the daemon know the client: by a restart where systemd runs it, which
// brings it the secret, and else by a reload.
func (p *program) makeKnown(ctx context.Context, c newClient) error {
	active := func(unit string) bool {
		return p.config == defaultConfig && exec.CommandContext(ctx, "systemctl", "is-active", "--quiet", unit).Run() == nil
	}
	switch {
	case c.stay:
		_, err := fmt.Fprintln(p.stdout, "it counts once the service is restarted: systemctl restart presenced.service")
		return err
	case active("presenced.service"):
		if out, err := exec.CommandContext(ctx, "systemctl", "restart", "presenced.service").CombinedOutput(); err != nil {
			return fmt.Errorf("restart presenced.service: %w: %s", err, strings.TrimSpace(string(out)))
		}
		lossless := "presenced.socket is not active: what came meanwhile, controllers send again"
		if active("presenced.socket") {
			lossless = "what came meanwhile waited in presenced.socket"
		}
		_, err := fmt.Fprintln(p.stdout, "the service was restarted, to get the secret; "+lossless)
		return err
	}
	daemon, err := p.daemon()
	if err != nil {
		return err
	}
	told, err := daemon.Reload(ctx, false)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		_, err = fmt.Fprintln(p.stdout, "presenced does not run: it counts from its start on")
	case err == nil && len(told.Faults) > 0:
		fmt.Fprintln(p.stderr, terminal.Lines(told.Faults))
		err = errRefused
	case err == nil:
		_, err = fmt.Fprintln(p.stdout, "the daemon has read its configuration again: "+terminal.Printable(strings.Join(told.Changes, "; ")))
	}
	return err
}

// here is the address of this host from which the client would be reached, and so to
// which it is to send; a word in its place if that is not known.
func here(address string) string {
	host, _, _ := strings.Cut(address, "/")
	conn, err := net.Dial("udp", net.JoinHostPort(host, "1813")) // sends nothing
	if err != nil {
		return "THIS-HOST"
	}
	defer conn.Close()
	at, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return "THIS-HOST"
	}
	return at.IP.String()
}
