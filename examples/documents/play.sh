#!/bin/sh
# Plays the example against a running server: READ and WRITE name it where it is not on its usual ports.
set -eu
read=${READ:-http://127.0.0.1:4466}
write=${WRITE:-http://127.0.0.1:4467}

# tuple NAMESPACE OBJECT RELATION SUBJECT: as JSON. A subject with a colon is a set.
tuple() {
    case $4 in
    *:*)
        space=${4%%:*}; rest=${4#*:}; object=${rest%%#*}; relation=${rest#*#}
        [ "$relation" != "$rest" ] || relation=
        subject="\"subject_set\":{\"namespace\":\"$space\",\"object\":\"$object\",\"relation\":\"$relation\"}" ;;
    *) subject="\"subject_id\":\"$4\"" ;;
    esac
    printf '{"namespace":"%s","object":"%s","relation":"%s",%s%s}' "$1" "$2" "$3" "$subject" "${5:-}"
}

put() {
    curl -fsS -o /dev/null -X PUT -d "$(tuple "$@")" "$write/admin/relation-tuples"
    echo "written: $1:$2#$3@$4"
}

# expect true|false OBJECT PERMIT PERSON
expect() {
    answer=$(curl -fsS "$read/relation-tuples/check/openapi?namespace=Document&object=$2&relation=$3&subject_id=$4")
    echo "may $4 $3 $2? $answer"
    case $answer in *"\"allowed\":$1"*) ;; *) echo "expected $1" >&2; exit 1 ;; esac
}

put Group designers members bert
put Folder plans owners ada
put Folder 2027 parents Folder:plans
put Document roadmap parents Folder:2027
put Document roadmap editors 'Group:designers#members'

expect true roadmap own ada        # owns the folder above
expect true roadmap edit bert      # by the group
expect false roadmap own bert
expect false roadmap view carl

# Carl may look until two seconds from now.
until=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)
put Document roadmap viewers carl ",\"expires_at\":\"$until\""
expect true roadmap view carl
sleep 3
expect false roadmap view carl

echo "what bert may view:"
curl -fsS "$read/relation-tuples/objects?namespace=Document&relation=view&subject_id=bert"
echo "who may view the roadmap:"
curl -fsS "$read/relation-tuples/subjects?namespace=Document&object=roadmap&relation=view"
echo "why ada may:"
curl -fsS "$read/relation-tuples/explain?namespace=Document&object=roadmap&relation=view&subject_id=ada"
