export default {
  needed: "Ti serve un link",
  unknown: "Questo link non porta da nessuna parte",
  expired: "Questo link è scaduto",
  revoked: "Questo link è stato chiuso",
  showsOnly: "Questo link è solo per guardare",
  locked: "Qual è la password?",
  away: "Torniamo subito",
  offline: "Nessuna connessione",
  password: "Password",
  show: "Mostra",
  hide: "Nascondi",
  enter: "Continua",
  checking: "Verifica…",
  enterIn: "Riprova tra {time}",
  enterNow: "Ora puoi riprovare.",
  tryAgain: "Riprova",
  language: "Lingua",
  errors: {
    link_needed: "Apri il link o inquadra il codice che hai ricevuto da chi ti ospita.",
    link_unknown:
      "Forse se n’è perso un pezzo per strada. Aprilo di nuovo dal messaggio o dal codice, oppure chiedine uno nuovo a chi ti ospita.",
    link_expired:
      "Il suo tempo è finito. Ciò che è arrivato è al sicuro. Hai altro? Chi ti ospita può darti un nuovo link.",
    link_revoked:
      "Chi ti ospita lo ha chiuso. Ciò che è arrivato è al sicuro. Hai altro? Puoi chiedere un nuovo link.",
    link_no_upload:
      "Chi ti ospita non ha permesso di aggiungere foto. Chiedi di attivarlo per questo link.",
    password_required: "È arrivata con il link; altrimenti chiedila a chi ti ospita.",
    password_wrong: "Non è questa. Attenzione alle maiuscole, e riprova.",
    rate_limited: "Troppi tentativi. Aspetta un momento.",
    cookies: "È giusta, ma il tuo browser non la ricorda. Consenti i cookie e riprova.",
    offline: "Controlla la connessione. Questa pagina continua a provare da sola.",
    internal:
      "Il server di chi ti ospita ora non è raggiungibile. Questa pagina continua a provare da sola.",
  },
};
