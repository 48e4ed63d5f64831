import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { composeCall, shellWord } from "../../src/domain/ComposeCommand.ts"

const FOLDER = "/srv/mail"

const call = (files: string | undefined, more: Readonly<Record<string, string>> = {}) =>
  composeCall("mail", {
    "com.docker.compose.project.working_dir": FOLDER,
    ...(files === undefined ? {} : { "com.docker.compose.project.config_files": files }),
    ...more
  })

const line = (files: string | undefined, more: Readonly<Record<string, string>> = {}) =>
  call(files, more)?.words.join(" ")

describe("the files of a project", () => {
  it("are not named where Compose finds them itself", () => {
    for (const name of ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]) {
      expect(call(`${FOLDER}/${name}`)).toEqual({ words: ["docker", "compose", "-p", "mail"], folder: FOLDER })
      for (const override of ["compose.override.yaml", "docker-compose.override.yml"])
        expect(line(`${FOLDER}/${name},${FOLDER}/${override}`)).toBe("docker compose -p mail")
    }
  })

  it("are named where it would not, in their order, as one types them in the folder", () => {
    expect(line(`${FOLDER}/mail.json`)).toBe("docker compose -p mail -f mail.json")
    expect(line(`${FOLDER}/compose.yaml,${FOLDER}/compose.prod.yaml`)).toBe(
      "docker compose -p mail -f compose.yaml -f compose.prod.yaml"
    )
    expect(line(`${FOLDER}/compose.override.yaml`)).toBe("docker compose -p mail -f compose.override.yaml")
    expect(line(`${FOLDER}/compose.yaml,${FOLDER}/compose.override.yaml,/etc/more.yaml`)).toBe(
      "docker compose -p mail -f compose.yaml -f compose.override.yaml -f /etc/more.yaml"
    )
    expect(line(`${FOLDER}-2/compose.yaml`)).toContain("-f /srv/mail-2/compose.yaml")
  })

  it("come with the project's folder where that is not theirs", () => {
    const own = `--project-directory ${FOLDER} -f`
    expect(line("/etc/mail/compose.yaml")).toBe(`docker compose -p mail ${own} /etc/mail/compose.yaml`)
    expect(line(`${FOLDER}/sub/compose.yaml`)).toBe(`docker compose -p mail ${own} sub/compose.yaml`)
    expect(line(`${FOLDER}/a.yaml,/etc/b.yaml`)).toBe("docker compose -p mail -f a.yaml -f /etc/b.yaml")
  })

  it("may have commas in their paths, and be bare names, as old versions wrote them", () => {
    expect(call("/srv/a,b/c,d.yaml,/srv/a,b/e.yaml")?.words.slice(-4)).toEqual([
      "-f",
      "/srv/a,b/c,d.yaml",
      "-f",
      "/srv/a,b/e.yaml"
    ])
    expect(line("docker-compose.yml,docker-compose.override.yml")).toBe("docker compose -p mail")
    expect(line("docker-compose.yml,docker-compose.prod.yml")).toBe(
      "docker compose -p mail -f docker-compose.yml -f docker-compose.prod.yml"
    )
  })

  it("cannot be read again when they came through standard input", () => {
    expect(call("-")).toBeUndefined()
  })

  it("may be unknown", () => {
    expect(call(undefined)).toEqual({ words: ["docker", "compose", "-p", "mail"], folder: FOLDER })
    expect(composeCall("mail", {})).toEqual({ words: ["docker", "compose", "-p", "mail"] })
    expect(composeCall("mail", { "com.docker.compose.project.config_files": "/srv/x.yaml" })).toEqual({
      words: ["docker", "compose", "-p", "mail", "-f", "/srv/x.yaml"]
    })
  })
})

describe("files of variables", () => {
  it("are named, so that the container does not get other values", () => {
    const label = "com.docker.compose.project.environment_file"
    expect(line(`${FOLDER}/compose.yaml`, { [label]: `${FOLDER}/prod.env` })).toBe(
      "docker compose -p mail --env-file prod.env"
    )
    expect(line(`${FOLDER}/x.yaml`, { [label]: "/etc/a.env,/etc/b.env" })).toBe(
      "docker compose -p mail -f x.yaml --env-file /etc/a.env --env-file /etc/b.env"
    )
  })
})

describe("a word", () => {
  const words = ["web-1", "a b", "it's", "$HOME", "`id`", "a;b", "*", "", "x=y", "ü", "a\nb", '"', "\\", "!", "#c", "~"]

  it("is what a shell makes of it", () => {
    const { stdout } = spawnSync("sh", ["-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`], { encoding: "utf8" })
    expect(stdout.split("\0").slice(0, -1)).toEqual(words)
  })

  it("stays as it is where it can", () => {
    for (const word of ["docker", "--no-deps", "/srv/mail-1/compose.yaml", "a_b.c"]) expect(shellWord(word)).toBe(word)
  })
})
