// ejabberd's configuration for a run: one listener, no encryption, no shapers; with its archive everything is kept by mod_mam on Mnesia, which is what it comes with.
export const host = 'localhost';
export const roomsHost = 'conference.localhost';
export const password = 'bench';
/** What a target's path says of an ejabberd that keeps everything in its archive; another one keeps what was missed, and sends it at once. */
export const archivePath = '/archive';

export function yamlOf(port: number, archive: boolean): string {
  return `hosts: ["${host}"]
loglevel: error
certfiles: []
auth_method: internal
auth_password_format: plain
listen:
  - port: ${port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: all
    starttls: false
    backlog: 1024
shaper_rules:
  kept: infinity
modules:
  mod_ping: {}
  mod_muc:
    host: "${roomsHost}"
    access: all
    access_create: all
    access_persistent: all
    access_mam: all
    history_size: 0
    max_users: 5000
    max_user_conferences: 100
    default_room_options:
      mam: ${archive}
      presence_broadcast: []
      logging: false
${archive ? '  mod_mam:\n    default: always\n    assume_mam_usage: true\n    db_type: mnesia\n' : '  mod_offline:\n    access_max_user_messages: kept\n    db_type: mnesia\n'}`;
}
