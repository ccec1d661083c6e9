# SPDX-License-Identifier: Apache-2.0
r"""Whether a shell command holds a word that some act needs: the cheap look that spares most commands the tokenizer.

Quotes and backslashes are dropped and punctuation separates, so that `r\m`, `'rm'` and `(rm` are `rm` here. A word
too many only costs time; a word too few is a blind spot, so every program that `acts.HANDLERS` knows for an act
is in, but for those that matter only beside another word here (`.` sources what something else must have fetched).
"""

_PUNCTUATION = b";|&()`$<>{}=,\n\t\r:/[]!*@+?#%"
_SEPARATORS = bytes.maketrans(_PUNCTUATION, b" " * len(_PUNCTUATION))
_DROPPED = b"'\"\\^"
_WORDS = """
rm rmdir shred srm rimraf trash del rd remove-item ri -delete --delete --del dd mkfs wipefs diskutil parted fdisk sgdisk
blkdiscard cryptsetup truncate chmod chown chgrp setfacl mv rsync ditto
curl wget nc ncat netcat socat telnet scp sftp ssh tcp udp dig nslookup http xh aria2c iwr irm iex invoke-webrequest
invoke-restmethod invoke-expression downloadstring start-bitstransfer certutil bitsadmin mshta encodedcommand -enc
base64 base32 xxd uudecode eval source xargs sudo su exec
push reflog filter-branch filter-repo gc update-ref remote config stash -d --mirror gist
psql mysql mariadb sqlite3 mongosh mongo redis-cli dropdb mysqladmin cqlsh clickhouse-client sqlcmd turso supabase prisma
db drop migrate reset flushall
terraform tofu terragrunt pulumi cdk serverless sls sst helm eksctl kops destroy kubectl oc aws gcloud gsutil az doctl
heroku fly flyctl railway vercel netlify hcloud linode-cli s3cmd rclone wrangler delete terminate uninstall
publish twine upload yank unpublish deploy docker podman
crontab at batch systemctl launchctl systemd-run schtasks sc visudo usermod useradd passwd chpasswd defaults reg
kill pkill killall taskkill shutdown reboot halt poweroff iptables ufw nft setenforce csrutil spctl auditctl
irkit irkit_home claude codex gemini copilot opencode qwen aider history journalctl vacuum
security op pass vault secret-tool bw lpass keyring printenv env
.ssh id_rsa id_ed25519 id_ecdsa id_dsa .gnupg .aws .azure gcloud .kube .docker .netrc .npmrc .pypirc .git-credentials .pgpass .vault-token
hosts.yml gh credentials credentials.json auth.json shadow sudoers sudoers.d environ keychains .password-store .env .envrc .env.local
.env.production .env.prod .env.development .env.staging service-account.json rclone.conf keyrings oauth_creds.json
.bashrc .bash_profile .profile .zshrc .zshenv .zprofile .bash_logout .zlogin authorized_keys launchagents launchdaemons autostart cron.d crond
cron.daily cron.hourly systemd ld.so.preload rc.local profile.d init.d hooks .git .gitconfig .claude .claude.json .mcp.json mcp.json .cursor .codex .gemini
.qwen .vscode opencode.json .copilot .windsurf .husky sitecustomize.py site-packages .bash_history .zsh_history
169.254.169.254 169.254.170.2 metadata.google.internal metadata 2852039166 0xa9fea9fe 100.100.100.200
shutil.rmtree rmtree .rmsync .rm .rmdirsync .rmtree .homedir .execsync .unlinksync pgrep pidof os.system subprocess os.remove fs.rmsync rmsync execsync child_process fileutils.rm_rf pty.spawn socket b64decode fromhex
atob buffer.from requests.post urllib.request urlopen process.env os.environ rm_rf remove_tree path.home expanduser os.homedir expand_path
mkfs.ext4 mkfs.ext3 mkfs.ext2 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mke2fs sda sdb sdc vda hda xvda nvme0n1 mmcblk0 disk0 disk1 disk2
rdisk0 rdisk1 akia password passwords secret private_key private .pem .p12 .kdbx
mkdir clone worktree init mktemp xmrig format format-volume clear-disk set-executionpolicy set-mppreference
tar zip rmtree. killall5 del-cli fork mkfifo nsenter chroot unlink wevtutil login.keychain-db wallet.dat mcp setx
sh bash zsh dash ksh pwsh powershell
"""
TELLING = frozenset(word.encode() for word in _WORDS.split())
_SHELLS = frozenset((b"sh", b"bash", b"zsh", b"dash", b"ksh", b"pwsh", b"powershell"))


def telling(command: str) -> bool:
    """Whether the command has to be taken apart."""
    words = command.encode("utf-8", "replace").lower().translate(_SEPARATORS, _DROPPED).split()
    if TELLING.isdisjoint(words):
        return "$'" in command or "IFS" in command or ".env." in command
    return True
