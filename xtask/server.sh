# What up, down, logs and running share; read with `.`, from the root of the checkout.
# The server is ours if the process of the pid file runs `limen serve` on this checkout's data folder: a number in a file
# says nothing after a restart of the machine, when another process may have it.

root=$(pwd)
data="$root/.limen"
pid_file="$data/limen.pid"
log="$data/limen.log"

# The command line of a process, arguments separated by spaces; nothing if there is no such process.
command_of() {
    if [ -r "/proc/$1/cmdline" ]; then
        tr '\000' ' ' <"/proc/$1/cmdline"
    else
        ps -ww -p "$1" -o command= 2>/dev/null || true
    fi
}

# Prints the pid of our server, if it runs.
our_pid() {
    [ -f "$pid_file" ] || return 1
    pid=$(cat "$pid_file")
    case "$pid" in
    '' | *[!0-9]*) return 1 ;;
    esac
    case "$(command_of "$pid")" in
    *limen\ serve\ *"$data"*) echo "$pid" ;;
    *) return 1 ;;
    esac
}

# The last address that the log names for a listener: address_of 'public API'
address_of() {
    sed -n "s/.*$1: \(http[^ \"]*\).*/\1/p" "$log" | tail -n 1
}

where_to_look() {
    echo "  pages       $(address_of pages)"
    echo "  inbox       $(address_of inbox)     the mails it would have sent"
    echo "  public API  $(address_of 'public API')"
    echo "  admin API   $(address_of 'admin API')"
    echo "  make demo plays a person's whole story; make logs shows what it does; make down stops it"
    echo "  configuration and data: .limen/"
}
