# SPDX-License-Identifier: Apache-2.0
"""Databases, infrastructure and registries: what is dropped, torn down, published."""

import re

from irkit.detect.flow import NOTHING, Flow
from irkit.detect.hosts import host_class, host_in
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk

_DROP = re.compile(
    r"\bdrop\s+(?:database|schema|table|keyspace|collection|owned|user|role)\b|\btruncate\s+(?:table\s+)?[\w\"`\[.]+|\bdelete\s+from\s+[\w\"`\[\].]+\s*(?:;|$|\\g|where\s+(?:1\s*=\s*1|true)\b)|"
    r"\bupdate\s+[\w\"`.]+\s+set\s+[^;]{1,300}\bwhere\s+(?:1\s*=\s*1|true)\b|dropdatabase\s*\(|\.drop\s*\(\s*\)|deletemany\s*\(\s*\{\s*\}\s*\)|\bflush(?:all|db)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^'\\]|''|\\.)*'")
"""A text in SQL; what stands in it is not done."""
_TRIAL = re.compile(
    r"(?:^|[-_/.:@=\s\"'])(?:test|tests|testing|dev|develop|development|tmp|temp|scratch|sandbox|ci|local|e2e|fixture|shadow|demo)(?:[-_/.:?\s\"';]|\d|$)|[-_](?:test|dev|ci)\b|:memory:|test\w*\.(?:db|sqlite3?)",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"localhost|127\.0\.0\.1|::1|/var/run|host\.docker\.internal")
_CLOUD_DELETE = re.compile(
    r"^(?:delete|terminate|destroy|remove|purge|deregister|disable|schedule-key-deletion|rb|wipe|nuke)(?:-|$)"
)


def drops(text: str) -> bool:
    """Whether a query throws data away: all rows, a table, a database."""
    return _DROP.search(_QUOTED.sub("''", text)) is not None


def _where(text: str) -> tuple[str, ...]:
    if _TRIAL.search(text):
        return ("trial",)
    return ("local",) if _LOCAL.search(text) else ()


def database(walk: Walk, call: Call) -> Flow:
    """`psql -c`, `mysql -e`, `mongosh --eval`, `redis-cli`, `sqlite3 FILE SQL`."""
    text = " ".join(call.plain)
    query = f"{text}\n{call.heredoc}\n{call.stdin.text}"
    if call.program in {"dropdb", "mysqladmin"}:
        if call.program == "dropdb" or "drop" in call.plain:
            walk.act("drop", call.program, target="database", path=text[:120], detail=_where(text))
    elif dropped := _DROP.search(_QUOTED.sub("''", query)):
        detail = _where(query)
        if call.program in {"sqlite3", "sqlite", "duckdb"} and not detail:
            place = walk.place(call.words()[0])[0] if call.words() else ""
            detail = ("local",) if place in {"project", "temp", "made", ""} else ()
        kind = "database" if re.search(r"database|schema|flush|keyspace", query, re.IGNORECASE) else "table"
        walk.act("drop", call.program, target=kind, path=dropped[0][:120], detail=detail)
    if call.program in {"pg_dump", "pg_dumpall", "mysqldump", "mongodump", "mariadb-dump"}:
        return Flow(frozenset({"dump"}), target="dump")
    return NOTHING


def migrate(walk: Walk, call: Call) -> Flow:
    """`prisma migrate reset`, `rails db:drop`, `artisan migrate:fresh`: the framework's own way to empty a database."""
    text = " ".join(call.plain)
    if re.search(
        r"migrate reset|db push .*--force-reset|db:drop|db:reset|db:wipe|migrate:fresh|schema:drop|flush --no-?input|sqlflush",
        text,
    ):
        walk.act(
            "drop", call.program, target="database", path=text[:120], detail=("framework", *_where(text))
        )
    return NOTHING


def infra(walk: Walk, call: Call) -> Flow:
    """`terraform destroy`, `pulumi destroy`, `cdk destroy`, `helm uninstall`."""
    words = [plain(word) for word in call.words()]
    text = " ".join(call.plain)
    verbs = (
        {"destroy", "destroy-all"}
        | ({"uninstall", "delete"} if call.program == "helm" else set())
        | ({"remove"} if call.program in {"serverless", "sls", "sst", "amplify"} else set())
    )
    if (
        verbs & set(words[:3])
        or (words[:1] == ["apply"] and call.has("-destroy", "--destroy"))
        or words[:2] in (["stack", "rm"], ["workspace", "delete"], ["state", "rm"], ["run-all", "destroy"])
    ):
        walk.act("teardown", call.program, target="infrastructure", path=text[:120], detail=_auto(call))
    return NOTHING


def _auto(call: Call) -> tuple[str, ...]:
    return (
        ("unasked",)
        if call.has("-auto-approve", "--auto-approve", "--yes", "-y", "--force", "--skip-preview")
        else ()
    )


def kubectl(walk: Walk, call: Call) -> Flow:
    """`kubectl delete`: a name space, volumes, or everything; one pod is nothing."""
    words = [plain(word) for word in call.words()]
    local = any(
        re.search(r"kind-|minikube|docker-desktop|k3d-|orbstack|rancher-desktop", arg) for arg in call.args
    )
    if words[:1] in (["delete"], ["drain"]):
        kinds = ",".join(words[1:2]).split("/")[0].lower().split(",")
        heavy = {
            "ns",
            "namespace",
            "namespaces",
            "pvc",
            "persistentvolumeclaim",
            "persistentvolumeclaims",
            "pv",
            "persistentvolume",
            "crd",
            "crds",
            "node",
            "nodes",
            "all",
            "statefulset",
            "sts",
            "cluster",
            "secret",
            "secrets",
            "deployment",
            "deployments",
            "deploy",
        }
        if (heavy & set(kinds)) or call.has("--all", "-A", "--all-namespaces"):
            walk.act(
                "teardown",
                "kubectl",
                target="infrastructure",
                path=" ".join(words)[:120],
                detail=("local",) if local else (),
            )
        else:
            walk.act("outward", "kubectl")
    if words[:2] in (["get", "secret"], ["get", "secrets"]) and re.search(
        r"yaml|json|go-template",
        call.value("-o", "--output") + "".join(a for a in call.args if a.startswith("-o")),
    ):
        walk.act("read-secret", "kubectl", target="cluster-secret", path=" ".join(words)[:120])
        return Flow(frozenset({"secret"}), target="cluster-secret")
    return NOTHING


def cloud(walk: Walk, call: Call) -> Flow:
    """aws, gcloud, az, doctl, heroku, fly, railway, vercel, …"""
    words = [plain(word) for word in call.words()]
    text = " ".join(call.plain)
    local = "localhost" in text or "127.0.0.1" in text or call.program == "awslocal"
    detail = ("local",) if local else ("dry",) if call.has("--dry-run", "--dryrun") else _auto(call)
    if call.program in {"aws", "awslocal"} and words[:2] in (["s3", "rm"], ["s3", "rb"]):
        if call.has("--recursive", "--force"):
            walk.act("teardown", call.program, target="bucket", path=text[:120], detail=detail)
    elif call.program in {"aws", "gsutil", "gcloud", "az", "s3cmd", "mc", "rclone", "b2"} and {
        "cp",
        "sync",
        "mv",
        "put",
        "upload",
        "copy",
        "put-object",
        "copyto",
        "move",
    } & set(words[:3]):
        _copied(walk, call)
    elif call.program == "gsutil" and "rm" in words[:2] and call.has("-r", "-R"):
        walk.act("teardown", call.program, target="bucket", path=text[:120], detail=detail)
    elif any(_CLOUD_DELETE.match(word) for word in words[: 5 if call.program in {"gcloud", "az"} else 3]):
        small = re.search(
            r"delete-(?:message|log-stream|tags?|object-tagging|parameter|item)\b|\bcache\b|(?:^| )(?:untag|env rm)",
            text,
        )
        walk.act(
            "outward" if small else "teardown",
            call.program,
            target="infrastructure",
            path=text[:120],
            detail=detail,
        )
    if re.search(
        r"secretsmanager get-secret-value|ssm get-parameters?\b.*--with-decryption|secrets versions access|keyvault secret show|configure get aws_secret|sts get-session-token|create-access-key",
        text,
    ):
        walk.act("read-secret", call.program, target="cloud-secret", path=text[:120])
        return Flow(frozenset({"secret"}), target="cloud-secret")
    return NOTHING


def _copied(walk: Walk, call: Call) -> None:
    words = call.words()
    remote = next((plain(w) for w in reversed(words) if "://" in w or re.match(r"^\w+:", w)), "")
    flow = call.stdin
    for arg in words:
        if "://" not in arg and walk.file(arg)[0]:
            flow = flow.merge(walk.content_of(arg, call.program))
        elif plain(arg) in {"~", "/", "~/"}:
            flow = flow.merge(Flow(frozenset({"secret"}), target="home", path="~"))
    if remote and flow.tags & {"secret", "env", "dump"}:
        walk.act(
            "send",
            call.program,
            target=flow.target or "credential-file",
            path=flow.path,
            host=host_in(remote) or remote[:80],
            to=host_class(host_in(remote)) if "." in host_in(remote) else "unknown-host",
        )


def vault(walk: Walk, call: Call) -> Flow:
    """Password stores on the command line."""
    words = [plain(word) for word in call.words()]
    reads = {
        "security": {"find-generic-password", "find-internet-password", "dump-keychain", "export"},
        "op": {"read", "item"},
        "pass": {"show"},
        "vault": {"read", "kv"},
        "secret-tool": {"lookup", "search"},
        "bw": {"get", "export"},
        "cmdkey": {"/list"},
        "keyring": {"get"},
        "lpass": {"show", "export"},
    }
    wanted = reads.get(call.program, set())
    if call.program == "security" and words[:1] and words[0].startswith("find-") and not call.has("-w", "-g"):
        return NOTHING
    if wanted & set(words[:1]):
        walk.act("read-secret", call.program, target="password-store", path=" ".join(words)[:80])
        return Flow(frozenset({"secret"}), target="password-store")
    return NOTHING


def package(walk: Walk, call: Call) -> Flow:
    """npm, cargo, twine, …: publishing; scripts and `exec` are opened as far as their names tell."""
    words = [plain(word) for word in call.words()]
    verbs = {
        "twine": "upload",
        "gem": "push",
        "vsce": "publish",
        "ovsx": "publish",
        "mvn": "deploy",
        "nuget": "push",
        "dotnet": "nuget",
        "conda": "upload",
        "pod": "trunk",
        "clojars": "deploy",
        "helm": "push",
        "goreleaser": "release",
        "semantic-release": "",
    }
    verb = verbs.get(call.program, "publish")
    if (
        verb in words[:2]
        or call.program == "semantic-release"
        or ("npm" in words[:2] and "publish" in words[:4])
    ) and not call.has("--dry-run", "-n"):
        local = host_class(host_in(call.value("--registry", "--repository-url", "--index"))) == "localhost"
        if not local:
            walk.act("publish", call.program, target="package", path=" ".join(words)[:80])
    if words[:1] in (["unpublish"], ["yank"], ["deprecate"]) and call.program in {
        "npm",
        "pnpm",
        "yarn",
        "cargo",
        "gem",
    }:
        walk.act("publish", call.program, target="package", path=" ".join(words)[:80], detail=("withdrawn",))
    if call.program in {"pnpm", "yarn", "npm", "bun", "uv", "poetry"} and words[:1] in (
        ["exec"],
        ["dlx"],
        ["run"],
        ["x"],
    ):
        from irkit.detect.wrappers import npx

        return npx(walk, call)
    if words[:1] == ["token"] and call.program == "npm":
        walk.act("read-secret", "npm", target="token", path="npm token")
    if any("migrate" in word or word.startswith("db:") or word == "prisma" for word in words):
        migrate(walk, call)
    return NOTHING


def docker(walk: Walk, call: Call) -> Flow:
    """docker: commands in containers are opened; images that are pushed go out."""
    from irkit.detect.wrappers import container

    words = [plain(word) for word in call.words()]
    if words[:1] == ["push"]:
        walk.act("outward", call.program, host=host_in(f"//{words[-1]}"))
    if words[:2] in (["volume", "rm"], ["volume", "prune"], ["system", "prune"]):
        walk.act("outward", call.program, target="volume")
        return NOTHING
    return container(walk, call) or NOTHING


def kube(walk: Walk, call: Call) -> Flow:
    """kubectl: deleting, or a command in a pod."""
    from irkit.detect.wrappers import container

    return (container(walk, call) or NOTHING) if "exec" in call.args[:4] else kubectl(walk, call)


SERVICES = {
    **dict.fromkeys("psql mysql mariadb sqlite3 sqlite duckdb mongosh mongo redis-cli valkey-cli cqlsh clickhouse-client sqlcmd dropdb mysqladmin pg_dump pg_dumpall mysqldump mongodump mariadb-dump usql pgcli litecli turso cockroach".split(), database),
    **dict.fromkeys("prisma rails rake artisan php-artisan knex sequelize drizzle-kit typeorm alembic manage.py django-admin supabase".split(), migrate),
    **dict.fromkeys("terraform tofu terragrunt pulumi cdk cdktf serverless sls sst helm eksctl kops copilot amplify ansible-destroy".split(), infra),
    **dict.fromkeys(("kubectl", "oc", "k"), kube),
    **dict.fromkeys("aws awslocal gcloud gsutil az doctl heroku fly flyctl railway vercel netlify render linode-cli hcloud scw oci ibmcloud s3cmd mc rclone b2 wrangler cf eb bq".split(), cloud),
    **dict.fromkeys("security op pass vault secret-tool bw lpass keyring cmdkey".split(), vault),
    **dict.fromkeys("npm pnpm yarn bun cargo twine gem vsce ovsx mvn nuget dotnet pod flit hatch poetry uv semantic-release goreleaser lerna changeset jsr".split(), package),
    **dict.fromkeys(("docker", "podman", "nerdctl", "docker-compose"), docker),
}  # fmt: skip
