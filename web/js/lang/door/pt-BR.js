export default {
  needed: "Você precisa de um link",
  unknown: "Este link não leva a lugar nenhum",
  expired: "Este link expirou",
  revoked: "Este link foi fechado",
  showsOnly: "Este link é só para ver",
  locked: "Qual é a senha?",
  away: "Voltamos já",
  offline: "Sem conexão",
  password: "Senha",
  show: "Mostrar",
  hide: "Ocultar",
  enter: "Continuar",
  checking: "Verificando…",
  enterIn: "Tentar de novo em {time}",
  enterNow: "Você já pode tentar de novo.",
  tryAgain: "Tentar de novo",
  language: "Idioma",
  errors: {
    link_needed: "Abra o link ou escaneie o código que seus anfitriões deram a você.",
    link_unknown:
      "Talvez um pedaço tenha se perdido no caminho. Abra-o de novo pela mensagem ou pelo código, ou peça um novo aos seus anfitriões.",
    link_expired:
      "O tempo dele acabou. O que chegou está seguro. Tem mais? Seus anfitriões podem dar um novo link a você.",
    link_revoked:
      "Seus anfitriões o fecharam. O que chegou está seguro. Tem mais? Eles podem dar um novo link a você.",
    link_no_upload:
      "Seus anfitriões não permitiram adicionar fotos. Peça que ativem isso para este link.",
    password_required: "Ela veio com o link; se não, peça aos seus anfitriões.",
    password_wrong: "Não é essa. Atenção às maiúsculas, e tente de novo.",
    rate_limited: "Foram tentativas demais. Espere um momento.",
    cookies: "Está certa, mas seu navegador não a guarda. Permita cookies e tente de novo.",
    offline: "Verifique sua conexão. Esta página continua tentando sozinha.",
    internal:
      "O servidor dos seus anfitriões não pode ser alcançado agora. Esta página continua tentando sozinha.",
  },
};
