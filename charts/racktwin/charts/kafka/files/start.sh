# Starts one broker of the release: its own addresses and secrets added to the settings, storage formatted on the first start
# with the administrator's login, by which a Job then makes all other users.
# Its output names hashes of passwords, so it is dropped; errors are not.
set -euo pipefail
umask 077

node="${HOSTNAME##*-}"
settings=/tmp/server.properties
plain="org.apache.kafka.common.security.plain.PlainLoginModule required username=\"broker\" password=\"${BROKER_PASSWORD}\" user_broker=\"${BROKER_PASSWORD}\";"

cat /etc/racktwin/kafka/server.properties - >"${settings}" <<EOF
node.id=${node}
advertised.listeners=CLIENT://${HOSTNAME}.${KAFKA_DOMAIN}:9093,BROKER://${HOSTNAME}.${KAFKA_DOMAIN}:9094
listener.name.broker.plain.sasl.jaas.config=${plain}
listener.name.controller.plain.sasl.jaas.config=${plain}
EOF

/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id="${KAFKA_CLUSTER}" --config "${settings}" \
  --add-scram "SCRAM-SHA-512=[name=admin,password=${ADMIN_PASSWORD}]" >/dev/null
unset ADMIN_PASSWORD BROKER_PASSWORD

exec /opt/kafka/bin/kafka-server-start.sh "${settings}"
