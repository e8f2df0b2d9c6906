package docs_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// dockerParts: an image is built if all is there that goes into it; only such an image can be pushed. The image of the command itself is built for real by container/test.sh.
var dockerParts = []part{
	knows(`build .*-t \S+(?: -f (\S+))? (\S+)`, buildImage),
	knows(`run --rm --read-only --tmpfs /tmp((?: -e \S+)*) (quiver:\S+) ([a-z]+)`, runImage),
	knows(`push (\S+)`, func(_ context.Context, found []string) error {
		return errors.Join(wasBuilt(found[1]), played("docker", found[0]))
	}),
	knows(`tag (\S+) (\S+)`, func(_ context.Context, found []string) error {
		return errors.Join(wasBuilt(found[1]), played("docker -t", found[2]))
	}),
	knows(`image inspect -f \{\{\.Size\}\} (\S+)`, func(_ context.Context, found []string) error {
		fmt.Println(1_000_000)
		return errors.Join(wasBuilt(found[1]), played("docker", found[0]))
	}),
}

func buildImage(_ context.Context, found []string) error {
	name := cmp.Or(found[1], filepath.Join(found[2], "Dockerfile"))
	recipe, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	copied := 0
	for line := range strings.Lines(string(recipe)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" || strings.HasPrefix(words[1], "--from=") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			if strings.HasPrefix(source, "--") {
				continue
			}
			if _, err := os.Stat(filepath.Join(found[2], source)); err != nil {
				return err
			}
			copied++
		}
	}
	if copied == 0 {
		return fmt.Errorf("%s copies nothing into the image", name)
	}
	return played("docker", found[0])
}

// runImage runs the command as the image's entry point does, without a container around it.
func runImage(ctx context.Context, found []string) error {
	if err := errors.Join(wasBuilt(found[2]), played("docker", found[0])); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "quiver", found[3])
	command.Stdout, command.Stderr, command.Env = os.Stdout, os.Stderr, append(os.Environ(), "QUIVER_CACHE_DIR=off")
	for _, variable := range strings.Fields(strings.ReplaceAll(found[1], " -e ", " ")) {
		if strings.Contains(variable, "=") {
			command.Env = append(command.Env, variable)
		}
	}
	return command.Run()
}

// wasBuilt demands that the session has built an image.
func wasBuilt(tag string) error {
	if !bytes.Contains(append(playedLog(filepath.Dir(os.Getenv(playedVariable))), '\n'), []byte("-t "+tag)) {
		return fmt.Errorf("no image %s was built here", tag)
	}
	return nil
}

// kubectlParts: objects are read. That they are such as Kubernetes takes is held beside them, by examples/batch.
var kubectlParts = []part{
	knows(`apply((?: -f \S+)+)`, func(_ context.Context, found []string) error {
		for _, name := range strings.Fields(strings.ReplaceAll(found[1], " -f ", " ")) {
			if err := readObjects(name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return played("kubectl", found[0])
	}),
	says(`wait --for=condition=complete job/[a-z-]+`, ""),
	says(`logs -l \S+ --tail=-1`, ""),
}

func readObjects(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for count := 0; ; count++ {
		var object struct {
			Version  string `yaml:"apiVersion"`
			Kind     string
			Metadata struct{ Name string }
		}
		err := decoder.Decode(&object)
		switch {
		case errors.Is(err, io.EOF) && count > 0:
			return nil
		case err != nil:
			return err
		case object.Version == "" || object.Kind == "" || object.Metadata.Name == "":
			return fmt.Errorf("object %d has no apiVersion, kind or name", count+1)
		}
	}
}
