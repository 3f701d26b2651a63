"""Apache ActiveMQ Artemis as Hono's AMQP 1.0 network: queues only, one user, nothing but AMQP on one port.

Hono 1.0.3 addresses it as it would a router: an address per tenant, created when first used.
"""

from collections.abc import Mapping
from pathlib import Path

from local_stack.component import Component
from local_stack.components.java import OPEN_MODULES, java
from local_stack.instance import LOOPBACK, Instance
from local_stack.probes import tcp
from local_stack.toolchain.catalogue import ARTEMIS

USER = "racktwin"
_ROLE = "all"

_LOG4J = """\
status=warn
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
# A line or two for every message otherwise.
logger.audit.name=org.apache.activemq.audit
logger.audit.level=off
"""
_LOGIN = """\
activemq {
  org.apache.activemq.artemis.spi.core.security.jaas.PropertiesLoginModule required
    org.apache.activemq.jaas.properties.user="users.properties"
    org.apache.activemq.jaas.properties.role="roles.properties";
};
"""
# Obligatory; no management connector is opened.
_MANAGEMENT = '<management-context xmlns="http://activemq.apache.org/schema"/>\n'
_PERMISSIONS = (
    *("createAddress", "deleteAddress", "createNonDurableQueue", "deleteNonDurableQueue"),
    *("createDurableQueue", "deleteDurableQueue", "consume", "browse", "send"),
)


def password(instance: Instance) -> str:
    """The password of USER."""
    return instance.secret("artemis-password", 16)


def _broker(instance: Instance) -> str:
    data = instance.data("artemis")
    permissions = "".join(f'<permission type="{name}" roles="{_ROLE}"/>' for name in _PERMISSIONS)
    return f"""\
<configuration xmlns="urn:activemq">
  <core xmlns="urn:activemq:core">
    <name>racktwin</name>
    <persistence-enabled>true</persistence-enabled>
    <journal-type>NIO</journal-type>
    <paging-directory>{data}/paging</paging-directory>
    <bindings-directory>{data}/bindings</bindings-directory>
    <journal-directory>{data}/journal</journal-directory>
    <large-messages-directory>{data}/large</large-messages-directory>
    <journal-pool-files>4</journal-pool-files>
    <journal-file-size>2M</journal-file-size>
    <!-- Devices send again what was not acknowledged; waiting for the disk per message would cost the rate. -->
    <journal-datasync>false</journal-datasync>
    <!-- The limit is for a full production disk; a laptop at 95 % must still run its demo. -->
    <max-disk-usage>99</max-disk-usage>
    <!-- A command that nobody takes is answered when it has expired; by default the broker looks every 30 s. -->
    <message-expiry-scan-period>1000</message-expiry-scan-period>
    <acceptors>
      <acceptor name="amqp">tcp://{LOOPBACK}:{instance.port("artemis")}?protocols=AMQP;amqpCredits=1000;amqpLowCredits=300</acceptor>
    </acceptors>
    <security-settings><security-setting match="#">{permissions}</security-setting></security-settings>
    <address-settings>
      <address-setting match="#">
        <default-address-routing-type>ANYCAST</default-address-routing-type>
        <default-queue-routing-type>ANYCAST</default-queue-routing-type>
        <auto-create-queues>true</auto-create-queues>
        <auto-create-addresses>true</auto-create-addresses>
        <max-size-bytes>64M</max-size-bytes>
        <address-full-policy>PAGE</address-full-policy>
        <dead-letter-address>DLQ</dead-letter-address>
        <expiry-address>ExpiryQueue</expiry-address>
      </address-setting>
    </address-settings>
    <!-- hono-bridge turns commands that nobody took into failure notifications. -->
    <addresses>
      <address name="DLQ"><anycast><queue name="DLQ"/></anycast></address>
      <address name="ExpiryQueue"><anycast><queue name="ExpiryQueue"/></anycast></address>
    </addresses>
  </core>
</configuration>
"""


def _folder(instance: Instance) -> Path:
    return instance.config_dir / "artemis"


def _files(instance: Instance) -> Mapping[Path, str]:
    folder = _folder(instance)
    bootstrap = (
        '<broker xmlns="http://activemq.apache.org/schema">'
        f'<jaas-security domain="activemq"/><server configuration="file:{folder}/broker.xml"/></broker>\n'
    )
    return {
        folder / "broker.xml": _broker(instance),
        folder / "bootstrap.xml": bootstrap,
        folder / "login.config": _LOGIN,
        folder / "management.xml": _MANAGEMENT,
        folder / "users.properties": f"{USER}={password(instance)}\n",
        folder / "roles.properties": f"{_ROLE}={USER}\n",
        folder / "log4j2.properties": _LOG4J,
    }


def _command(instance: Instance) -> list[str]:
    folder = _folder(instance)
    flags = (
        *OPEN_MODULES,
        f"-Djava.security.auth.login.config={folder}/login.config",
        f"-Dlog4j2.configurationFile=file:{folder}/log4j2.properties",
        f"-Dartemis.home={ARTEMIS.folder}",
        f"-Dartemis.instance={instance.data('artemis')}",
        f"-Dartemis.instance.etc={folder}",
    )
    main = "org.apache.activemq.artemis.cli.Artemis"
    return [*java(ARTEMIS.folder / "lib", main, 384, flags), "run", f"xml:{folder}/bootstrap.xml"]


COMPONENT = Component(
    name="artemis",
    why="AMQP broker between Hono and hono-bridge",
    command=_command,
    probe=tcp("artemis"),
    artefacts=("artemis",),
    ports=("artemis",),
    files=_files,
)
